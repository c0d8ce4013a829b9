"""Records in SQL: one adapter, SQLite in a file or a PostgreSQL server behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from runtime.records import schema, sqlite
from runtime.records.contract import (
    DocumentRecords,
    HealthRecords,
    PageRecords,
    ReceiptRecords,
    RunRecords,
    UsageRecords,
    VersionRecords,
)
from runtime.records.database import Database
from runtime.records.documents import SqlDocuments
from runtime.records.health import SqlHealth
from runtime.records.pages import SqlPages
from runtime.records.receipts import SqlReceipts
from runtime.records.runs import SqlRuns
from runtime.records.usage import SqlUsage
from runtime.records.versions import SqlVersions


class SqlRecords:
    """Implements Records over a database whose tables are up to date."""

    documents: DocumentRecords
    versions: VersionRecords
    pages: PageRecords
    runs: RunRecords
    usage: UsageRecords
    receipts: ReceiptRecords
    health: HealthRecords

    def __init__(self, database: Database) -> None:
        self._database = database
        self.documents = SqlDocuments(database)
        self.versions = SqlVersions(database)
        self.pages = SqlPages(database)
        self.runs = SqlRuns(database)
        self.usage = SqlUsage(database)
        self.receipts = SqlReceipts(database)
        self.health = SqlHealth(database)

    @classmethod
    async def open(cls, path: Path) -> SqlRecords:
        """Records in an SQLite file, made when it is not there; any number of processes may have it open.

        Raises: SettingsError when the file cannot be used; StoreUnavailableError when it stays locked.
        """
        await asyncio.to_thread(_prepare, path)
        return cls(Database(sqlite.serving_engine(path)))

    async def ping(self) -> None:
        """Return when the database answers."""
        await self._database.ping()

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()


def _prepare(path: Path) -> None:
    sqlite.prepare_file(path)
    engine = sqlite.migration_engine(path)
    try:
        schema.bring_up_to_date(engine)
    finally:
        engine.dispose()
