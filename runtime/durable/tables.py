"""The journal's tables in SQLite, and how their rows read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from runtime.durable.execution import Arrived
from runtime.durable.payload import decode
from runtime.durable.steps import Outcome, Step
from runtime.errors import SettingsError

VERSION = 1
"""Kept in the file; a higher one was written by a newer program."""

TABLES = """
CREATE TABLE run (
    instance_id TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    input TEXT NOT NULL,
    status TEXT NOT NULL,
    result TEXT,
    error TEXT,
    started_at TEXT NOT NULL,
    ended_at TEXT
);
CREATE INDEX run_status ON run (status, started_at);
CREATE INDEX run_ended_at ON run (ended_at);
CREATE TABLE step (
    instance_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    due TEXT,
    attempt INTEGER NOT NULL,
    arrival INTEGER,
    value TEXT,
    error TEXT,
    error_kind TEXT,
    arrived_at TEXT,
    PRIMARY KEY (instance_id, number)
) WITHOUT ROWID;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    instance_id TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
    name TEXT NOT NULL,
    data TEXT NOT NULL
);
CREATE INDEX inbox_instance ON inbox (instance_id);
"""


def text_of(moment: datetime) -> str:
    """A moment as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def connect(path: Path) -> sqlite3.Connection:
    """Open the journal, made when it is not there. Raises SettingsError when it cannot be used."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
    except (OSError, sqlite3.DatabaseError) as error:
        raise SettingsError(
            f"workflows cannot be journaled in {path} ({error}); point durable_url at a file that can be written"
        ) from error
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    _make_tables(connection, path)
    return connection


def _make_tables(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        connection.close()
        raise SettingsError(
            f"{path} is at version {version}, this program knows {VERSION}; start the newer version that wrote it"
        )
    if version < VERSION:
        with transaction(connection):
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def step_of(row: sqlite3.Row) -> Step:
    """The step of a row."""
    due = None if row["due"] is None else datetime.fromisoformat(row["due"])
    return Step(row["number"], row["kind"], row["name"], row["input"], due)


def arrived_of(row: sqlite3.Row) -> Arrived:
    """The outcome of a row whose step has ended."""
    value = None if row["value"] is None else decode(row["value"])
    outcome = Outcome(value, row["error"], row["error_kind"] or "")
    return Arrived(row["number"], outcome, datetime.fromisoformat(row["arrived_at"]))
