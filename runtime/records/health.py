"""The last word on each agent."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from runtime.records.database import Database
from runtime.records.tables import HEALTH
from schemas.report import AgentHealth


class SqlHealth:
    """Implements HealthRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, rows: Sequence[AgentHealth]) -> None:
        """See the contract."""
        if not rows:
            return
        async with self._database.writing() as connection:
            await connection.execute(self._database.replace(HEALTH), [row.model_dump() for row in rows])

    async def all(self) -> list[AgentHealth]:
        """See the contract."""
        async with self._database.reading() as connection:
            found = (await connection.execute(select(HEALTH).order_by(HEALTH.c.agent))).mappings()
            return [AgentHealth.model_validate(dict(row)) for row in found]
