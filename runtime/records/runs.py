"""Questions and their answers; a run ends once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update

from runtime.errors import InvalidInputError, NotFoundError
from runtime.records.contract import StoredRun
from runtime.records.database import Database
from runtime.records.tables import RUNS
from schemas.answer import Turn
from schemas.message import RunId, TenantId
from schemas.query import Run


def _columns(run: Run) -> dict[str, Any]:
    return {"status": run.status, "finished_at": run.finished_at, "run": run.model_dump(mode="json")}


def _turn(run: Mapping[str, Any]) -> Turn:
    return Turn(question=run["query"], answer=run["answer"])


class SqlRuns:
    """Implements RunRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, run: StoredRun) -> None:
        """See the contract."""
        statement = self._database.insert(RUNS).values(
            tenant=run.tenant,
            query_id=run.run.query_id,
            principal=run.principal,
            conversation_id=run.run.conversation_id,
            created_at=run.run.created_at,
            request=dict(run.request),
            **_columns(run.run),
        )
        async with self._database.writing() as connection:
            await connection.execute(statement.on_conflict_do_nothing())

    async def finish(self, tenant: TenantId, run: Run) -> bool:
        """See the contract. Raises NotFoundError for a run that was never begun."""
        if run.status == "running":
            raise InvalidInputError(f"run {run.query_id!r} is still running; finish it with the status of its end")
        this = (RUNS.c.tenant == tenant, RUNS.c.query_id == run.query_id)
        async with self._database.writing() as connection:
            written = await connection.execute(
                update(RUNS).where(*this, RUNS.c.status == "running").values(**_columns(run))
            )
            if written.rowcount > 0:
                return True
            there = (await connection.execute(select(RUNS.c.status).where(*this))).first()
        if there is None:
            raise NotFoundError(f"run {run.query_id!r} is not there; begin it first")
        return False

    async def get(self, tenant: TenantId, query_id: RunId) -> StoredRun | None:
        """See the contract."""
        statement = select(RUNS).where(RUNS.c.tenant == tenant, RUNS.c.query_id == query_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(statement)).mappings().first()
        if row is None:
            return None
        return StoredRun(TenantId(row["tenant"]), row["principal"], Run.model_validate(row["run"]), row["request"])

    async def turns(self, tenant: TenantId, principal: str, conversation_id: str, limit: int = 5) -> tuple[Turn, ...]:
        """See the contract."""
        statement = (
            select(RUNS.c.run)
            .where(
                RUNS.c.tenant == tenant,
                RUNS.c.principal == principal,
                RUNS.c.conversation_id == conversation_id,
                RUNS.c.status == "completed",
            )
            .order_by(RUNS.c.created_at.desc(), RUNS.c.query_id.desc())
            .limit(limit)
        )
        async with self._database.reading() as connection:
            latest = list((await connection.execute(statement)).scalars())
        return tuple(_turn(run) for run in reversed(latest))
