"""`agentrag mcp`: what makes the federation an MCP server for desktop apps, editors and other clients."""
