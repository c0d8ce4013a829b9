"""Calls and tokens of a tenant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from schemas.message import TenantId
from schemas.report import UsageReport, UsageRow
from schemas.skills import Usage
from servers.monitoring.window import Window

if TYPE_CHECKING:
    from runtime.records.contract import Records


async def report_usage(ask: Usage, records: Records, tenant: TenantId) -> UsageReport:
    """What `tenant` used in the window, in groups, most calls first, with their sum."""
    window = Window.last(ask.hours)
    rows = await records.usage.totals(tenant, window.since, window.until, ask.group_by)
    return UsageReport(
        since=window.since, until=window.until, group_by=ask.group_by, rows=tuple(rows), total=total(rows)
    )


def total(rows: Sequence[UsageRow]) -> UsageRow:
    """The sum of all groups."""
    return UsageRow(
        group="total",
        calls=sum(row.calls for row in rows),
        failures=sum(row.failures for row in rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
    )
