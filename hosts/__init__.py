"""Who uses the federation: the orchestrator for applications and people, the command line for terminals."""
