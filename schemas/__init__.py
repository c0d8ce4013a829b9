"""Frozen messages that cross the wire, one noun a file; `skills` lists what every agent can do."""
