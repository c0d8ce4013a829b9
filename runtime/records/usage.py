"""Usage: one row a call, summed and ranked in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Select, case, func, insert, select

from runtime.errors import InvalidInputError
from runtime.records.contract import UsageRecord
from runtime.records.database import Database
from runtime.records.tables import USAGE
from schemas.message import TenantId
from schemas.report import LatencyRow, UsageRow

Rows = Select[*tuple[Any, ...]]

GROUPS = ("agent", "skill", "model", "principal")
NOT_FAILED = ("completed", "cancelled")
"""Outcomes of calls that did what was asked of them; every other outcome is an error code."""


def _window(tenant: TenantId, since: datetime, until: datetime) -> tuple[Any, ...]:
    return USAGE.c.tenant == tenant, USAGE.c.at >= since, USAGE.c.at < until


def _ranked(*conditions: Any) -> Rows:
    """Each call with its rank by duration within its skill (1 is the quickest), and the calls of that skill."""
    skill = (USAGE.c.agent, USAGE.c.skill)
    return select(
        USAGE.c.agent,
        USAGE.c.skill,
        USAGE.c.duration_ms,
        func.row_number().over(partition_by=skill, order_by=USAGE.c.duration_ms).label("rank"),
        func.count().over(partition_by=skill).label("calls"),
    ).where(*conditions)


def percentiles(*conditions: Any) -> Rows:
    """Exact percentiles of duration by skill.

    Source: nearest rank, the smallest value that at least p per cent do not exceed: rank ceil(p * n / 100).
    """
    ranked = _ranked(*conditions).subquery()

    def at_rank(percent: int) -> Any:
        rank = (ranked.c.calls * percent + 99) // 100
        return func.max(case((ranked.c.rank == rank, ranked.c.duration_ms))).label(f"p{percent}_ms")

    p95 = at_rank(95)
    return (
        select(
            ranked.c.agent,
            ranked.c.skill,
            func.max(ranked.c.calls).label("calls"),
            at_rank(50),
            p95,
            at_rank(99),
            func.max(ranked.c.duration_ms).label("max_ms"),
        )
        .group_by(ranked.c.agent, ranked.c.skill)
        .order_by(p95.desc(), ranked.c.agent, ranked.c.skill)
    )


class SqlUsage:
    """Implements UsageRecords. A window holds `since` and ends before `until`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, rows: Sequence[UsageRecord]) -> None:
        """See the contract."""
        if not rows:
            return
        async with self._database.writing() as connection:
            await connection.execute(insert(USAGE), [asdict(row) for row in rows])

    async def totals(self, tenant: TenantId, since: datetime, until: datetime, group_by: str) -> list[UsageRow]:
        """See the contract. Raises InvalidInputError for another grouping."""
        if group_by not in GROUPS:
            raise InvalidInputError(f"usage cannot be grouped by {group_by!r}; use one of {', '.join(GROUPS)}")
        group, calls = USAGE.c[group_by], func.count().label("calls")
        failed = case((USAGE.c.outcome.in_(NOT_FAILED), 0), else_=1)
        statement = (
            select(
                group.label("group"),
                calls,
                func.sum(failed, type_=Integer).label("failures"),
                func.sum(USAGE.c.input_tokens, type_=Integer).label("input_tokens"),
                func.sum(USAGE.c.output_tokens, type_=Integer).label("output_tokens"),
            )
            .where(*_window(tenant, since, until))
            .group_by(group)
            .order_by(calls.desc(), group)
        )
        async with self._database.reading() as connection:
            return [UsageRow.model_validate(dict(row)) for row in (await connection.execute(statement)).mappings()]

    async def latencies(
        self, tenant: TenantId, since: datetime, until: datetime, agent: str | None = None
    ) -> list[LatencyRow]:
        """See the contract."""
        conditions = _window(tenant, since, until)
        if agent is not None:
            conditions += (USAGE.c.agent == agent,)
        async with self._database.reading() as connection:
            found = (await connection.execute(percentiles(*conditions))).mappings()
            return [LatencyRow.model_validate(dict(row)) for row in found]
