"""A program of its own that opens the records and writes: `python writer.py <file> <tenant> <documents>`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from runtime.records.contract import PageRecord, UsageRecord
from runtime.records.sql import SqlRecords
from schemas.document import Document
from schemas.message import TenantId, VersionId


async def write_one(records: SqlRecords, tenant: TenantId, number: int) -> None:
    """Take one document through its life, as ingestion does."""
    now, doc_id, version = datetime.now(UTC), f"d{number}", VersionId(f"v{number}")
    document = Document(
        doc_id=doc_id, filename="a.txt", status="pending", sha256=f"s{number}", created_at=now, updated_at=now
    )
    await records.documents.add(tenant, document)
    await records.documents.change(tenant, doc_id, {"status": "processing"}, expected=["pending"])
    await records.versions.begin(tenant, doc_id, version, sha256=f"s{number}", fingerprint="f")
    await records.pages.put(tenant, version, [PageRecord(page, "text " * 200) for page in range(1, 21)])
    await records.usage.add([UsageRecord(now, tenant, "p", "ingestion", "ingest", "completed", 1.0, "t")])
    assert await records.versions.activate(tenant, doc_id, version, {"pages": 20})


async def main(path: Path, tenant: TenantId, documents: int) -> None:
    """Write all documents, several at a time."""
    print("up", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    records = await SqlRecords.open(path)
    for start in range(0, documents, 4):
        await asyncio.gather(
            *(write_one(records, tenant, number) for number in range(start, min(start + 4, documents)))
        )
    print(await records.documents.counts(tenant), flush=True)
    await records.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), TenantId(sys.argv[2]), int(sys.argv[3])))
