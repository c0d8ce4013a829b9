"""Usage: sums by group and exact percentiles, within a window and a tenant."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.errors import InvalidInputError
from runtime.records.contract import Records, UsageRecord
from schemas.message import TenantId
from schemas.report import UsageRow

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def call(tenant: TenantId, **fields: Any) -> UsageRecord:
    """One call at noon."""
    known = {"at": NOON, "principal": "ann", "agent": "retrieval", "skill": "search", "outcome": "completed"}
    return UsageRecord(**{"tenant": tenant, "duration_ms": 1.0, "trace": "t", **known, **fields})


def nearest_rank(values: list[float], percent: int) -> float:
    """The textbook's percentile."""
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("agent", ["synthesis", "retrieval"]),
        ("skill", ["answer", "search"]),
        ("model", ["big", "", "small"]),
        ("principal", ["ann", "bob"]),
    ],
)
async def test_totals_are_grouped_as_asked_most_calls_first(
    records: Records, tenant: TenantId, group_by: str, groups: list[str]
) -> None:
    answers = {"agent": "synthesis", "skill": "answer", "input_tokens": 100, "output_tokens": 10}
    await records.usage.add(
        [
            call(tenant),
            call(tenant, outcome="store.unavailable", principal="bob"),
            call(tenant, **answers, model="big"),
            call(tenant, **answers, model="big"),
            call(tenant, **answers, model="big", outcome="cancelled"),
            call(tenant, **answers, model="small", outcome="deadline"),
        ]
    )
    rows = await records.usage.totals(tenant, NOON, NOON + HOUR, group_by)
    assert [row.group for row in rows] == groups
    assert (sum(row.calls for row in rows), sum(row.failures for row in rows)) == (6, 2)
    assert (sum(row.input_tokens for row in rows), sum(row.output_tokens for row in rows)) == (400, 40)
    if group_by == "agent":
        assert rows[0] == UsageRow(group="synthesis", calls=4, failures=1, input_tokens=400, output_tokens=40)


async def test_a_window_begins_with_its_start_and_ends_before_its_end(
    records: Records, tenant: TenantId, other: TenantId
) -> None:
    moments = [NOON - timedelta(microseconds=1), NOON, NOON + HOUR - timedelta(microseconds=1), NOON + HOUR]
    await records.usage.add([call(tenant, at=moment) for moment in moments] + [call(other)])
    (row,) = await records.usage.totals(tenant, NOON, NOON + HOUR, "agent")
    (speed,) = await records.usage.latencies(tenant, NOON, NOON + HOUR)
    assert (row.calls, speed.calls) == (2, 2)
    assert await records.usage.totals(tenant, NOON + 2 * HOUR, NOON + 3 * HOUR, "agent") == []


async def test_an_unknown_grouping_is_refused(records: Records, tenant: TenantId) -> None:
    with pytest.raises(InvalidInputError, match="trace"):
        await records.usage.totals(tenant, NOON, NOON + HOUR, "trace")


async def test_latencies_come_by_skill_the_slowest_first(records: Records, tenant: TenantId) -> None:
    await records.usage.add([call(tenant, duration_ms=float(ms)) for ms in range(1, 101)])
    await records.usage.add([call(tenant, agent="synthesis", skill="answer", duration_ms=900.0)])
    await records.usage.add([])
    slow, quick = await records.usage.latencies(tenant, NOON, NOON + HOUR)
    assert (slow.skill, slow.calls, slow.p50_ms, slow.p99_ms, slow.max_ms) == ("answer", 1, 900, 900, 900)
    assert (quick.calls, quick.p50_ms, quick.p95_ms, quick.p99_ms, quick.max_ms) == (100, 50, 95, 99, 100)
    assert await records.usage.latencies(tenant, NOON, NOON + HOUR, agent="synthesis") == [slow]
    assert await records.usage.latencies(tenant, NOON, NOON + HOUR, agent="citation") == []


_tenants = iter(range(10**6))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(durations=st.lists(st.integers(0, 30).map(float), min_size=1, max_size=40))
async def test_percentiles_are_those_of_the_textbook(records: Records, durations: list[float]) -> None:
    tenant = TenantId(f"tenant-{next(_tenants)}")
    await records.usage.add([call(tenant, duration_ms=duration) for duration in durations])
    (row,) = await records.usage.latencies(tenant, NOON, NOON + HOUR)
    expected = [nearest_rank(durations, percent) for percent in (50, 95, 99)]
    assert [row.p50_ms, row.p95_ms, row.p99_ms] == expected
