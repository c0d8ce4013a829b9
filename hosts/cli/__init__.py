"""The terminal door: commands that use nothing of the federation but its HTTP API."""
