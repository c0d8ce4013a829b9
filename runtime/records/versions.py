"""Versions of documents: building, then active; the one that was active before is retired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from runtime.errors import ConflictError, NotFoundError
from runtime.records.database import Database
from runtime.records.documents import bytes_once, changed_columns
from runtime.records.tables import DOCUMENTS, VERSIONS
from schemas.message import TenantId, VersionId

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

_HIDDEN = (
    select(VERSIONS.c.version_id)
    .where(VERSIONS.c.tenant == bindparam("tenant"), VERSIONS.c.state.in_(("building", "retired")))
    .order_by(VERSIONS.c.version_id)
)
"""Asked for by every search, so it is put together once."""

COMPLETION: Mapping[str, Any] = {"stage": "done", "progress": 100, "error": None}
"""What completing a document sets unless the caller says otherwise."""


class SqlVersions:
    """Implements VersionRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, tenant: TenantId, doc_id: str, version_id: VersionId, *, sha256: str, fingerprint: str
    ) -> None:
        """See the contract; a retired version is built again.

        Raises: NotFoundError when the document is gone; ConflictError when the version is of another document.
        """
        made = self._database.insert(VERSIONS).values(
            tenant=tenant,
            version_id=version_id,
            doc_id=doc_id,
            sha256=sha256,
            fingerprint=fingerprint,
            state="building",
            created_at=datetime.now(UTC),
        )
        this = (VERSIONS.c.tenant == tenant, VERSIONS.c.version_id == version_id)
        revived = update(VERSIONS).where(*this, VERSIONS.c.state == "retired").values(state="building")
        try:
            async with self._database.writing() as connection:
                await connection.execute(made.on_conflict_do_nothing())
                owner = (await connection.execute(select(VERSIONS.c.doc_id).where(*this))).scalar_one()
                if owner != doc_id:
                    raise ConflictError(
                        f"version {version_id!r} belongs to document {owner!r}; make version ids from the document too"
                    )
                await connection.execute(revived)
        except IntegrityError as error:
            raise NotFoundError(f"document {doc_id!r} is gone; nothing can be built for it") from error

    async def activate(self, tenant: TenantId, doc_id: str, version_id: VersionId, changes: Mapping[str, Any]) -> bool:
        """See the contract. Every other version of the document is retired, abandoned ones too.

        Raises: NotFoundError when the version was never begun or was removed.
        """
        values = changed_columns({**COMPLETION, **changes, "status": "completed", "version_id": version_id})
        complete = (
            update(DOCUMENTS)
            .where(DOCUMENTS.c.tenant == tenant, DOCUMENTS.c.doc_id == doc_id, DOCUMENTS.c.status != "cancelled")
            .values(**values)
            .returning(DOCUMENTS.c.doc_id)
        )
        with bytes_once(doc_id):
            async with self._database.writing() as connection:
                if (await connection.execute(complete)).first() is None:
                    return False
                await self._promote(connection, tenant, doc_id, version_id)
        return True

    @staticmethod
    async def _promote(connection: AsyncConnection, tenant: TenantId, doc_id: str, version_id: VersionId) -> None:
        of_document = (VERSIONS.c.tenant == tenant, VERSIONS.c.doc_id == doc_id)
        this = VERSIONS.c.version_id == version_id
        raised = await connection.execute(update(VERSIONS).where(*of_document, this).values(state="active"))
        if raised.rowcount == 0:
            raise NotFoundError(f"version {version_id!r} of document {doc_id!r} is not there; begin it first")
        await connection.execute(update(VERSIONS).where(*of_document, ~this).values(state="retired"))

    async def hidden(self, tenant: TenantId) -> tuple[VersionId, ...]:
        """See the contract."""
        return await self._ids(_HIDDEN, tenant=tenant)

    async def retired(self, tenant: TenantId, doc_id: str) -> tuple[VersionId, ...]:
        """See the contract."""
        of_document = (VERSIONS.c.tenant == tenant, VERSIONS.c.doc_id == doc_id, VERSIONS.c.state == "retired")
        return await self._ids(select(VERSIONS.c.version_id).where(*of_document).order_by(VERSIONS.c.version_id))

    async def _ids(self, statement: Select[Any], **values: str) -> tuple[VersionId, ...]:
        async with self._database.reading() as connection:
            return tuple(VersionId(found) for found in (await connection.execute(statement, values)).scalars())

    async def remove(self, tenant: TenantId, version_id: VersionId) -> None:
        """See the contract."""
        statement = delete(VERSIONS).where(VERSIONS.c.tenant == tenant, VERSIONS.c.version_id == version_id)
        async with self._database.writing() as connection:
            await connection.execute(statement)
