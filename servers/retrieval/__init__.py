"""The retrieval agent: finds the chunks of a tenant's documents that answer a question, by meaning and by words."""
