"""Documents, versions, pages, runs, usage, health."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.String(128)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the first tables."""
    _documents()
    _versions_and_pages()
    _runs()
    _usage_and_health()


def downgrade() -> None:
    """Remove them."""
    for table in ("health", "usage", "runs", "pages", "versions", "documents"):
        op.drop_table(table)


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("tenant", ID, nullable=False),
        sa.Column("doc_id", ID, nullable=False),
        sa.Column("sha256", sa.String(64), comment="null until the bytes are known"),
        sa.Column("filename", sa.Text, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("progress", sa.Integer, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("media_type", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("version_id", ID),
        sa.Column("title", sa.Text),
        sa.Column("author", sa.Text),
        sa.Column("date", MOMENT),
        sa.Column("language", sa.String(16)),
        sa.Column("pages", sa.Integer),
        sa.Column("pages_done", sa.Integer, nullable=False),
        sa.Column("chunks", sa.Integer),
        sa.Column("batches", sa.Integer),
        sa.Column("batches_done", sa.Integer, nullable=False),
        sa.Column("paging", sa.String(16), nullable=False),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("error", sa.JSON),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("actor_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "doc_id", name="pk_documents"),
        sa.UniqueConstraint("tenant", "sha256", name="uq_documents_tenant_sha256"),
    )
    _index("documents", "tenant", "created_at", "doc_id")
    _index("documents", "tenant", "status", "created_at", "doc_id")
    _index("documents", "status", "created_at")


def _versions_and_pages() -> None:
    op.create_table(
        "versions",
        sa.Column("tenant", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("doc_id", ID, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="building, active or retired"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "version_id", name="pk_versions"),
        sa.ForeignKeyConstraint(
            ["tenant", "doc_id"],
            ["documents.tenant", "documents.doc_id"],
            name="fk_versions_documents",
            ondelete="CASCADE",
        ),
    )
    _index("versions", "tenant", "doc_id", "state")
    _index("versions", "tenant", "state")
    op.create_table(
        "pages",
        sa.Column("tenant", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("page", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("offsets", sa.JSON, nullable=False),
        sa.Column("width", sa.Float, nullable=False),
        sa.Column("height", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "version_id", "page", name="pk_pages"),
        sa.ForeignKeyConstraint(
            ["tenant", "version_id"],
            ["versions.tenant", "versions.version_id"],
            name="fk_pages_versions",
            ondelete="CASCADE",
        ),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("tenant", ID, nullable=False),
        sa.Column("query_id", ID, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("run", sa.JSON, nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "query_id", name="pk_runs"),
    )
    _index("runs", "tenant", "principal", "conversation_id", "status", "created_at")
    _index("runs", "tenant", "created_at")


def _usage_and_health() -> None:
    op.create_table(
        "usage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("tenant", ID, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("skill", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(64), nullable=False, comment="completed, cancelled or an error code"),
        sa.Column("duration_ms", sa.Float, nullable=False),
        sa.Column("trace", sa.String(64), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_usage"),
    )
    _index("usage", "tenant", "at")
    _index("usage", "tenant", "agent", "at")
    op.create_table(
        "health",
        sa.Column("agent", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("checked_at", MOMENT, nullable=False),
        sa.Column("latency_ms", sa.Float),
        sa.PrimaryKeyConstraint("agent", name="pk_health"),
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))
