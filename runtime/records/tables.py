"""The tables, once for every database: SQLite on one machine, PostgreSQL in a cluster."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy import DateTime as DateTimeType
from sqlalchemy.types import TypeDecorator

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is read as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Moment(TypeDecorator[datetime]):
    """A moment with its zone, kept as UTC; SQLite, which has no zones, keeps text that sorts by time."""

    impl = DateTimeType(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To the database."""
        if value is None:
            return None
        return as_utc(value).replace(tzinfo=None) if dialect.name == "sqlite" else as_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else as_utc(value)


Json = JSON(none_as_null=True)
Id = String(128)
Counter = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column of exactly this type."""

DOCUMENTS = Table(
    "documents",
    METADATA,
    Column("tenant", Id, primary_key=True),
    Column("doc_id", Id, primary_key=True),
    Column("sha256", String(64), comment="null until the bytes are known"),
    Column("filename", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("progress", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("media_type", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("version_id", Id),
    Column("title", Text),
    Column("author", Text),
    Column("date", Moment),
    Column("language", String(16)),
    Column("pages", Integer),
    Column("pages_done", Integer, nullable=False),
    Column("chunks", Integer),
    Column("batches", Integer),
    Column("batches_done", Integer, nullable=False),
    Column("paging", String(16), nullable=False),
    Column("warnings", Json, nullable=False),
    Column("error", Json),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("actor_id", Id, nullable=False),
    UniqueConstraint("tenant", "sha256"),
    Index(None, "tenant", "created_at", "doc_id"),
    Index(None, "tenant", "status", "created_at", "doc_id"),
    Index(None, "status", "created_at"),
)

VERSIONS = Table(
    "versions",
    METADATA,
    Column("tenant", Id, primary_key=True),
    Column("version_id", Id, primary_key=True),
    Column("doc_id", Id, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("state", String(16), nullable=False, comment="building, active or retired"),
    Column("created_at", Moment, nullable=False),
    ForeignKeyConstraint(["tenant", "doc_id"], ["documents.tenant", "documents.doc_id"], ondelete="CASCADE"),
    Index(None, "tenant", "doc_id", "state"),
    Index(None, "tenant", "state"),
)

PAGES = Table(
    "pages",
    METADATA,
    Column("tenant", Id, primary_key=True),
    Column("version_id", Id, primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("label", Text),
    Column("offsets", Json, nullable=False),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    ForeignKeyConstraint(["tenant", "version_id"], ["versions.tenant", "versions.version_id"], ondelete="CASCADE"),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("tenant", Id, primary_key=True),
    Column("query_id", Id, primary_key=True),
    Column("principal", Text, nullable=False),
    Column("conversation_id", Id, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("run", Json, nullable=False),
    Column("request", Json, nullable=False),
    Index(None, "tenant", "principal", "conversation_id", "status", "created_at"),
    Index(None, "tenant", "created_at"),
)

USAGE = Table(
    "usage",
    METADATA,
    Column("id", Counter, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("tenant", Id, nullable=False),
    Column("principal", Text, nullable=False),
    Column("agent", String(64), nullable=False),
    Column("skill", String(64), nullable=False),
    Column("outcome", String(64), nullable=False, comment="completed, cancelled or an error code"),
    Column("duration_ms", Float, nullable=False),
    Column("trace", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Index(None, "tenant", "at"),
    Index(None, "tenant", "agent", "at"),
)

HEALTH = Table(
    "health",
    METADATA,
    Column("agent", String(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("url", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("checked_at", Moment, nullable=False),
    Column("latency_ms", Float),
)

RECEIPTS = Table(
    "receipts",
    METADATA,
    Column("tenant", Id, primary_key=True),
    Column("principal", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("location", Text, nullable=False),
    Column("body", Json, nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "created_at"),
)
