"""The adapters that the contract of the records is held against."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.records.contract import Records
from runtime.records.sql import SqlRecords
from schemas.document import Document
from schemas.message import TenantId

ADAPTERS: dict[str, Callable[[Path], Awaitable[Records]]] = {
    "sqlite": lambda folder: SqlRecords.open(folder / "records.db"),
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(params=ADAPTERS)
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Records]:
    """Empty records, one adapter after the other."""
    opened = await ADAPTERS[request.param](tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
def tenant() -> TenantId:
    """Whose records these are."""
    return TenantId("acme")


@pytest.fixture
def other() -> TenantId:
    """Somebody else."""
    return TenantId("globex")


@pytest.fixture
def document() -> Callable[..., Document]:
    """Makes documents; `minute` says when after noon."""

    def make(doc_id: str, *, minute: int = 0, **fields: Any) -> Document:
        moment = NOON + timedelta(minutes=minute)
        known = {"filename": f"{doc_id}.pdf", "status": "pending", "sha256": f"sha-{doc_id}", "size_bytes": 100}
        return Document(**{"doc_id": doc_id, "created_at": moment, "updated_at": moment, **known, **fields})

    return make
