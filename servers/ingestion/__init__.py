"""The ingestion agent: turns uploaded documents into pages, chunks and vectors, whatever happens on the way."""
