"""The HTTP API, one noun a file; each file lists its operations."""
