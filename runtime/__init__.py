"""What an agent runs on: the AgentServer, its backends and how agents talk to each other."""
