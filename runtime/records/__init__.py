"""Where facts are kept: documents, versions, pages, runs, usage, health."""
