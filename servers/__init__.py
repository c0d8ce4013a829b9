"""The five agents, each a standalone MCP server and an A2A peer; all have the same shape."""
