"""The host: discovers the agents, runs questions and uploads through them, and serves people and applications."""
