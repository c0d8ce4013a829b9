"""How the federation is: the last word on each agent, believed only while it is fresh."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from schemas.message import TenantId
from schemas.report import AgentHealth, HealthReport, State

if TYPE_CHECKING:
    from runtime.records.contract import Records

SEVERITY: tuple[State, ...] = ("up", "degraded", "down")
"""States from best to worst."""


async def report_health(records: Records, tenant: TenantId, stale_after: timedelta) -> HealthReport:
    """All agents by name, the worst of their states, and the tenant's documents by status."""
    now = datetime.now(UTC)
    agents = [believed(row, now, stale_after) for row in await records.health.all()]
    documents = await records.documents.counts(tenant)
    return HealthReport(state=worst(agents), agents=tuple(agents), documents=documents)


def believed(row: AgentHealth, now: datetime, stale_after: timedelta) -> AgentHealth:
    """The row as it was written, or as down when nobody has looked for longer than `stale_after`."""
    age = now - row.checked_at
    if age <= stale_after:
        return row
    seconds = age.total_seconds()
    detail = f"not checked for {seconds:.0f} s, then it was {row.state}; see whether the host runs"
    return row.model_copy(update={"state": "down", "detail": detail})


def worst(agents: Sequence[AgentHealth]) -> State:
    """The state of the whole; down when no agent is known, for then nobody looks after them."""
    return max((agent.state for agent in agents), key=SEVERITY.index, default="down")
