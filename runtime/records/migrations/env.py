"""What alembic runs: the revisions, inside the transaction of the connection that was handed over."""

from alembic import context

from runtime.records.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
