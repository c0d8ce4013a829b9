"""Transactions on one database: many readers at a time, and on SQLite one writer of this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, text
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError

from runtime.errors import StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql.dml import Insert as PostgresInsert
    from sqlalchemy.dialects.sqlite.dml import Insert as SqliteInsert
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    Insert = PostgresInsert | SqliteInsert

WRITING = "agentrag_writing"
"""Execution option of a transaction that will write; SQLite then takes its write lock at the start."""


class Database:
    """An engine and the two ways to use it. Leaving `writing` commits what was written, an exception undoes it.

    Raises: StoreUnavailableError when the database does not answer, or another process writes for too long.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._writer = engine.execution_options(**{WRITING: True})
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """For statements that only read; each sees all that was committed before it."""
        with _worded():
            async with self.engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write."""
        with _worded():
            async with self._turn, self._writer.begin() as connection:
                yield connection

    def insert(self, table: Table) -> Insert:
        """An INSERT that can say what to do about a row that is there already."""
        if self.engine.dialect.name == "sqlite":
            from sqlalchemy.dialects.sqlite import insert as sqlite_insert

            return sqlite_insert(table)
        from sqlalchemy.dialects.postgresql import insert as postgres_insert

        return postgres_insert(table)

    def replace(self, table: Table) -> Insert:
        """An INSERT that overwrites the row with the same primary key."""
        statement = self.insert(table)
        keys = [column.name for column in table.primary_key]
        rest = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys}
        return statement.on_conflict_do_update(index_elements=keys, set_=rest)

    async def ping(self) -> None:
        """Return when it answers."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


@contextmanager
def _worded() -> Iterator[None]:
    """Turn a database that does not answer into an error that a caller can be told."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(str(error.orig)) from error
    except TimeoutError as error:
        raise _unavailable("all its connections are busy") from error


def _unavailable(reason: str) -> StoreUnavailableError:
    return StoreUnavailableError(
        f"the records database does not answer ({reason}); try again, and look at its disk, load and address"
    )
