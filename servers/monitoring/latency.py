"""Response times of a tenant's calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.errors import InvalidInputError
from schemas.message import TenantId
from schemas.report import LatencyReport
from schemas.skills import AGENTS, ASK, Latency
from servers.monitoring.window import Window

if TYPE_CHECKING:
    from runtime.records.contract import Records

MEASURED = (*AGENTS, ASK.agent)
"""Agents whose calls are timed."""


async def report_latency(ask: Latency, records: Records, tenant: TenantId) -> LatencyReport:
    """Percentiles by skill, the slowest p95 first. Raises InvalidInputError for an agent that there is not."""
    if ask.agent is not None and ask.agent not in MEASURED:
        raise InvalidInputError(f"there is no agent {ask.agent!r}; use one of {', '.join(MEASURED)}, or none for all")
    window = Window.last(ask.hours)
    rows = await records.usage.latencies(tenant, window.since, window.until, ask.agent)
    return LatencyReport(since=window.since, until=window.until, rows=tuple(rows))
