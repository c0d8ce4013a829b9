"""Documents by id; a change is one conditional UPDATE, so that two programs never both move one on."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, cast

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import RowMapping, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from runtime.errors import ConflictError, InvalidInputError
from runtime.records.database import Database
from runtime.records.described import fits
from runtime.records.tables import DOCUMENTS, as_utc
from schemas.chunk import Filters
from schemas.document import Document, Documents, Status
from schemas.message import DocumentId, Message, TenantId

Unfinished = list[tuple[TenantId, DocumentId]]

FIXED = frozenset({"doc_id", "created_at", "updated_at"})
"""Fields of a document that nobody sets later."""


@cache
def _field(name: str) -> TypeAdapter[Any]:
    field = Document.model_fields[name]
    return TypeAdapter(cast(Any, Annotated[field.annotation, field]))


def columns_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a document as its table keeps them. Raises InvalidInputError for what no document can hold."""
    unknown = sorted(set(fields) - set(Document.model_fields))
    if unknown:
        raise InvalidInputError(f"a document has no {', '.join(unknown)}; its fields are those of schemas.document")
    return {name: _column(name, value) for name, value in fields.items()}


def _column(name: str, value: Any) -> Any:
    try:
        valid = _field(name).validate_python(value)
    except ValidationError as error:
        wrong = "; ".join(flaw["msg"] for flaw in error.errors())
        raise InvalidInputError(f"{name} of a document cannot be {str(value)[:80]!r} ({wrong})") from error
    if name == "sha256":
        return valid or None
    if isinstance(valid, Message):
        return valid.model_dump(mode="json")
    return list(valid) if isinstance(valid, tuple) else valid


def document_of(row: RowMapping) -> Document:
    """The document of a row."""
    fields = {name: row[name] for name in Document.model_fields}
    return Document.model_validate(fields | {"sha256": row["sha256"] or ""})


def changed_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What an UPDATE sets for these changes, `updated_at` included."""
    fixed = sorted(FIXED & set(changes))
    if fixed:
        raise InvalidInputError(f"{', '.join(fixed)} of a document cannot be set; leave it out of the changes")
    return columns_of(changes) | {"updated_at": datetime.now(UTC)}


@contextmanager
def bytes_once(doc_id: str) -> Iterator[None]:
    """Raise ConflictError for a change that would give a tenant the same bytes twice."""
    try:
        yield
    except IntegrityError as error:
        raise ConflictError(
            f"document {doc_id!r} has the same bytes as another one of this tenant; delete one of them"
        ) from error


def cursor_after(document: Document) -> str:
    """Names the place behind `document` in a list; opaque to callers."""
    place = json.dumps([as_utc(document.created_at).isoformat(), document.doc_id])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[datetime, str]:
    """The place that a cursor names. Raises InvalidInputError for one that we did not make."""
    try:
        created_at, doc_id = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        doc_id.encode()
        return as_utc(datetime.fromisoformat(created_at)), doc_id
    except (binascii.Error, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidInputError(f"cursor {cursor[:80]!r} is not one of ours; begin without a cursor") from error


class SqlDocuments:
    """Implements DocumentRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, tenant: TenantId, document: Document) -> Document:
        """See the contract. Raises ConflictError when the id is taken by other bytes."""
        row = columns_of({name: getattr(document, name) for name in Document.model_fields})
        statement = self._database.insert(DOCUMENTS).values(tenant=tenant, **row).on_conflict_do_nothing()
        async with self._database.writing() as connection:
            added = (await connection.execute(statement.returning(DOCUMENTS))).mappings().first()
            if added is not None:
                return document_of(added)
            same_id, same_bytes = DOCUMENTS.c.doc_id == document.doc_id, DOCUMENTS.c.sha256 == row["sha256"]
            known = select(DOCUMENTS).where(
                DOCUMENTS.c.tenant == tenant, or_(same_id, same_bytes) if row["sha256"] else same_id
            )
            found = [document_of(each) for each in (await connection.execute(known)).mappings()]
        for there in found:
            if there.sha256 == document.sha256:
                return there
        raise ConflictError(f"document {document.doc_id!r} is there with other bytes; add these under a new doc_id")

    async def get(self, tenant: TenantId, doc_id: str) -> Document | None:
        """See the contract."""
        return await self._first(tenant, DOCUMENTS.c.doc_id == doc_id)

    async def by_sha256(self, tenant: TenantId, sha256: str) -> Document | None:
        """See the contract; nothing for the empty hash of bytes that are not known yet."""
        return await self._first(tenant, DOCUMENTS.c.sha256 == sha256) if sha256 else None

    async def _first(self, tenant: TenantId, condition: Any) -> Document | None:
        statement = select(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant, condition)
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else document_of(row)

    async def change(
        self, tenant: TenantId, doc_id: str, changes: Mapping[str, Any], *, expected: Sequence[Status] = ()
    ) -> Document | None:
        """See the contract. Raises InvalidInputError for values that no document can have, and writes nothing then."""
        statement = update(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.doc_id == doc_id)
        if expected:
            statement = statement.where(DOCUMENTS.c.status.in_(expected))
        statement = statement.values(**changed_columns(changes)).returning(DOCUMENTS)
        with bytes_once(doc_id):
            async with self._database.writing() as connection:
                row = (await connection.execute(statement)).mappings().first()
                return None if row is None else document_of(row)

    async def list(
        self, tenant: TenantId, *, limit: int, cursor: str | None = None, status: Status | None = None
    ) -> Documents:
        """See the contract."""
        if limit < 1:
            raise InvalidInputError(f"limit is {limit}; ask for at least 1 document")
        columns = DOCUMENTS.c
        statement = select(DOCUMENTS).where(columns.tenant == tenant)
        if status is not None:
            statement = statement.where(columns.status == status)
        if cursor is not None:
            created_at, doc_id = place_of(cursor)
            earlier = columns.created_at < created_at
            statement = statement.where(or_(earlier, and_(columns.created_at == created_at, columns.doc_id < doc_id)))
        statement = statement.order_by(columns.created_at.desc(), columns.doc_id.desc()).limit(limit + 1)
        async with self._database.reading() as connection:
            found = [document_of(row) for row in (await connection.execute(statement)).mappings()]
        items = tuple(found[:limit])
        return Documents(items=items, next_cursor=cursor_after(items[-1]) if len(found) > limit else None)

    async def described(self, tenant: TenantId, filters: Filters) -> Sequence[DocumentId]:
        """See the contract."""
        columns = DOCUMENTS.c
        told = (columns.filename, columns.title, columns.author, columns.media_type)
        statement = select(columns.doc_id, *told).where(columns.tenant == tenant).order_by(columns.doc_id)
        async with self._database.reading() as connection:
            rows = (await connection.execute(statement)).mappings().all()
        said = [(row["doc_id"], {column.name: row[column.name] for column in told}) for row in rows]
        return [DocumentId(doc_id) for doc_id, facts in said if fits(filters, **facts)]

    async def counts(self, tenant: TenantId) -> dict[str, int]:
        """See the contract; statuses that occur."""
        statement = (
            select(DOCUMENTS.c.status, func.count()).where(DOCUMENTS.c.tenant == tenant).group_by(DOCUMENTS.c.status)
        )
        async with self._database.reading() as connection:
            return {str(row[0]): int(row[1]) for row in await connection.execute(statement)}

    async def stored_bytes(self, tenant: TenantId) -> int:
        """See the contract."""
        statement = select(func.coalesce(func.sum(DOCUMENTS.c.size_bytes), 0)).where(DOCUMENTS.c.tenant == tenant)
        async with self._database.reading() as connection:
            return int((await connection.execute(statement)).scalar_one())

    async def unfinished(self) -> Unfinished:
        """See the contract."""
        statement = (
            select(DOCUMENTS.c.tenant, DOCUMENTS.c.doc_id)
            .where(DOCUMENTS.c.status.in_(("pending", "processing")))
            .order_by(DOCUMENTS.c.created_at, DOCUMENTS.c.doc_id)
        )
        async with self._database.reading() as connection:
            return [(TenantId(tenant), DocumentId(doc_id)) for tenant, doc_id in await connection.execute(statement)]

    async def delete(self, tenant: TenantId, doc_id: str) -> bool:
        """See the contract."""
        statement = delete(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.doc_id == doc_id)
        async with self._database.writing() as connection:
            return (await connection.execute(statement)).rowcount > 0
