"""SQLite as several processes share it: write-ahead log, waiting instead of failing, a file for its owner only."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool

from runtime.errors import SettingsError, StoreUnavailableError
from runtime.records.database import WRITING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_SECONDS = 20.0
"""How long a writer waits for the writers of other processes."""
CONNECTIONS = 6
"""Open connections of one process, each with a thread."""


def prepare_file(path: Path) -> None:
    """Make the file, readable by its owner only, and turn its write-ahead log on.

    Raises: SettingsError when `path` cannot be a database; StoreUnavailableError when it stays locked.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise SettingsError(
            f"records cannot be kept in {path} ({error.strerror}); point records_url at a file that can be written"
        ) from error
    _use_write_ahead_log(path, time.monotonic() + BUSY_SECONDS)


def _use_write_ahead_log(path: Path, deadline: float) -> None:
    """Set the journal mode, which is kept in the file. Processes that do so at once refuse each other for a moment."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
                return
            except sqlite3.OperationalError as error:
                if time.monotonic() > deadline:
                    raise StoreUnavailableError(
                        f"{path} stayed locked for {BUSY_SECONDS:.0f} s; end the program that holds it"
                    ) from error
                time.sleep(0.02)
            except sqlite3.DatabaseError as error:
                raise SettingsError(
                    f"{path} is no SQLite database; move it away or point records_url elsewhere"
                ) from error
    finally:
        connection.close()


def revision(path: Path) -> str:
    """The revision that a file is at, empty for a new one; nothing is written.

    Raises: StoreUnavailableError when it cannot be read.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        try:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
                return ""
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StoreUnavailableError(
            f"{path} cannot be read as a database ({error}); restore it from a backup, or move it away"
        ) from error
    return str(found[0]) if found else ""


def migration_engine(path: Path) -> Engine:
    """An engine for changing tables: transactions write; foreign keys are off, so a rebuilt table keeps its rows."""
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
    _own_transactions(engine)
    return engine.execution_options(**{WRITING: True})


def serving_engine(path: Path) -> AsyncEngine:
    """An engine for everything else."""
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=CONNECTIONS,
        max_overflow=0,
        connect_args={"timeout": BUSY_SECONDS},
    )
    _own_transactions(engine.sync_engine)
    event.listen(engine.sync_engine, "connect", _configure)
    return engine


def _own_transactions(engine: Engine) -> None:
    """Begin transactions ourselves: the driver would begin them late, and never before DDL."""
    event.listen(engine, "connect", _leave_transactions_to_us)
    event.listen(engine, "begin", _begin)


def _leave_transactions_to_us(connection: Any, _: object) -> None:
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    """Writers take the write lock first: one that began as a reader could not wait for it. Single reads need none."""
    if connection.get_execution_options().get(WRITING, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _configure(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()
