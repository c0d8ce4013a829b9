"""How the tables came to be: alembic revisions, run by `runtime.records.schema` on the connection that it holds.

A new revision is a file in `versions` with the next number; `schema.HEAD` then names it.
"""
