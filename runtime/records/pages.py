"""Page texts by version: what chunks are cut from and quotes are checked against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.exc import IntegrityError

from runtime.errors import NotFoundError
from runtime.records.contract import PageRecord
from runtime.records.database import Database
from runtime.records.tables import PAGES
from schemas.message import TenantId, VersionId


def _row(tenant: TenantId, version_id: VersionId, page: PageRecord) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "version_id": version_id,
        "page": page.page,
        "text": page.text,
        "label": page.label,
        "offsets": [list(run) for run in page.offsets],
        "width": page.width,
        "height": page.height,
    }


def _page(row: RowMapping) -> PageRecord:
    offsets = tuple((start, source, length) for start, source, length in row["offsets"])
    return PageRecord(row["page"], row["text"], row["label"], offsets, row["width"], row["height"])


class SqlPages:
    """Implements PageRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, tenant: TenantId, version_id: VersionId, pages: Sequence[PageRecord]) -> None:
        """See the contract. Raises NotFoundError when the version was never begun or was removed."""
        if not pages:
            return
        rows = [_row(tenant, version_id, page) for page in pages]
        try:
            async with self._database.writing() as connection:
                await connection.execute(self._database.replace(PAGES), rows)
        except IntegrityError as error:
            raise NotFoundError(
                f"version {version_id!r} is not there; begin it before its pages are written"
            ) from error

    async def get(self, tenant: TenantId, version_id: VersionId, page: int) -> PageRecord | None:
        """See the contract."""
        statement = select(PAGES).where(
            PAGES.c.tenant == tenant, PAGES.c.version_id == version_id, PAGES.c.page == page
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).mappings().first()
        return None if row is None else _page(row)

    async def all(self, tenant: TenantId, version_id: VersionId) -> list[PageRecord]:
        """See the contract."""
        statement = (
            select(PAGES).where(PAGES.c.tenant == tenant, PAGES.c.version_id == version_id).order_by(PAGES.c.page)
        )
        async with self._database.reading() as connection:
            return [_page(row) for row in (await connection.execute(statement)).mappings()]
