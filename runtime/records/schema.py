"""Bring a database to the tables that this program knows; alembic is loaded only when there is something to do."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from runtime.errors import SettingsError

HEAD = "0002"
"""The newest revision in `migrations/versions`."""

_LOCK_KEY = 0x5241_4741
_alembic_turn = threading.Lock()
"""Alembic keeps the migration at hand in module globals: one at a time in a process."""


def bring_up_to_date(engine: Engine) -> None:
    """Create or change the tables, once however many processes come at once.

    Raises: SettingsError when a newer program has been here.
    """
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with _alembic_turn, engine.begin() as connection:
        _wait_for_turn(connection)
        if _revision(connection) != HEAD:
            _upgrade(connection)


def _revision(connection: Connection) -> str:
    """The revision that the database is at; empty for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    found = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
    if found > HEAD:
        raise SettingsError(
            f"the records are at revision {found}, this program knows {HEAD}; "
            "start the newer version that wrote them, or restore an older backup"
        )
    return found


def _wait_for_turn(connection: Connection) -> None:
    """On SQLite the transaction has the write lock already; PostgreSQL has locks for such a purpose."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
