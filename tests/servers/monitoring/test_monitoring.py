"""The monitoring agent: usage, response times and health from real records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastmcp import Client

from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.errors import ForbiddenError, InvalidInputError
from runtime.invocation import Invoker
from runtime.records.contract import UsageRecord
from schemas.document import Document
from schemas.message import TenantId
from schemas.report import AgentHealth, HealthReport, LatencyReport, State, UsageReport
from schemas.skills import HEALTH, LATENCY, USAGE, SkillSpec
from servers.monitoring.health import believed, worst
from servers.monitoring.server import create_server, skills
from servers.monitoring.settings import MonitoringSettings
from servers.monitoring.usage import total
from servers.monitoring.window import Window

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT, OTHER = TenantId("local"), TenantId("globex")


@pytest.fixture
def settings(tmp_path: Path) -> MonitoringSettings:
    return MonitoringSettings(data=tmp_path, discovery_seconds=30)


@pytest.fixture
async def on(settings: MonitoringSettings) -> AsyncIterator[Backends]:
    backends = Backends(settings)
    await backends.open(["records"])
    yield backends
    await backends.close()


async def asked(on: Backends, settings: MonitoringSettings, spec: SkillSpec, **ask: object) -> object:
    """What a skill returns to the owner."""
    skill = skills.bound[spec.id]
    return await skill.function(spec.input.model_validate(ask), Call(Caller.owner(), on, settings=settings))


def used(minutes_ago: float, **fields: object) -> UsageRecord:
    known: dict[str, object] = {
        "at": datetime.now(UTC) - timedelta(minutes=minutes_ago),
        "tenant": TENANT,
        "principal": "owner",
        "agent": "synthesis",
        "skill": "answer",
        "outcome": "completed",
        "duration_ms": 100.0,
        "trace": "0" * 32,
        "model": "small",
        "input_tokens": 10,
        "output_tokens": 3,
    }
    return UsageRecord(**{**known, **fields})  # type: ignore[arg-type]


# usage ---------------------------------------------------------------------------------------------------------------


async def test_usage_is_summed_by_group_within_the_window(on: Backends, settings: MonitoringSettings) -> None:
    await on.records.usage.add(
        [
            used(1),
            used(2, outcome="model.unavailable", input_tokens=0, output_tokens=0),
            used(3, agent="retrieval", skill="hybrid_search", model="", input_tokens=0, output_tokens=0),
            used(90),
            used(1, tenant=OTHER),
        ]
    )
    found = await asked(on, settings, USAGE, hours=1)
    assert isinstance(found, UsageReport)
    assert [(row.group, row.calls, row.failures, row.input_tokens) for row in found.rows] == [
        ("synthesis", 2, 1, 10),
        ("retrieval", 1, 0, 0),
    ]
    assert (found.total.group, found.total.calls, found.total.failures, found.total.output_tokens) == ("total", 3, 1, 3)
    assert found.until - found.since == timedelta(hours=1)


@pytest.mark.parametrize(
    ("group_by", "groups"),
    [
        ("skill", {"answer", "follow_ups"}),
        ("model", {"small"}),
        ("principal", {"owner", "ada"}),
        ("agent", {"synthesis"}),
    ],
)
async def test_usage_is_grouped_as_asked(
    on: Backends, settings: MonitoringSettings, group_by: str, groups: set[str]
) -> None:
    await on.records.usage.add([used(1), used(1, skill="follow_ups", principal="ada")])
    found = await asked(on, settings, USAGE, group_by=group_by)
    assert isinstance(found, UsageReport)
    assert {row.group for row in found.rows} == groups
    assert found.group_by == group_by


async def test_a_tenant_without_calls_used_nothing(on: Backends, settings: MonitoringSettings) -> None:
    found = await asked(on, settings, USAGE)
    assert isinstance(found, UsageReport)
    assert found.rows == ()
    assert found.total == total([])
    assert found.total.calls == 0


# latency -------------------------------------------------------------------------------------------------------------


async def test_the_slowest_skill_comes_first(on: Backends, settings: MonitoringSettings) -> None:
    quick = [used(1, agent="retrieval", skill="rerank", duration_ms=float(ms)) for ms in range(1, 101)]
    slow = [used(1, duration_ms=900.0), used(1, duration_ms=1100.0), used(1, tenant=OTHER, duration_ms=9e9)]
    await on.records.usage.add([*quick, *slow, used(600, duration_ms=5e9)])
    found = await asked(on, settings, LATENCY, hours=1)
    assert isinstance(found, LatencyReport)
    assert [(row.agent, row.skill, row.calls) for row in found.rows] == [
        ("synthesis", "answer", 2),
        ("retrieval", "rerank", 100),
    ]
    rerank = found.rows[1]
    assert (rerank.p50_ms, rerank.p95_ms, rerank.p99_ms, rerank.max_ms) == (50.0, 95.0, 99.0, 100.0)


async def test_response_times_of_one_agent(on: Backends, settings: MonitoringSettings) -> None:
    await on.records.usage.add([used(1), used(1, agent="orchestrator", skill="ask")])
    found = await asked(on, settings, LATENCY, agent="orchestrator")
    assert isinstance(found, LatencyReport)
    assert [row.agent for row in found.rows] == ["orchestrator"]


async def test_an_agent_that_there_is_not_is_refused_by_name(on: Backends, settings: MonitoringSettings) -> None:
    with pytest.raises(InvalidInputError, match=r"no agent 'billing'; use one of .*monitoring"):
        await asked(on, settings, LATENCY, agent="billing")


# health --------------------------------------------------------------------------------------------------------------


def seen(agent: str, state: State, seconds_ago: float, now: datetime | None = None) -> AgentHealth:
    checked = (now or datetime.now(UTC)) - timedelta(seconds=seconds_ago)
    return AgentHealth(agent=agent, state=state, url="http://127.0.0.1:1", checked_at=checked, latency_ms=3.0)


async def test_the_federation_is_as_well_as_its_worst_agent(on: Backends, settings: MonitoringSettings) -> None:
    await on.records.health.put([seen("retrieval", "up", 1), seen("citation", "degraded", 1)])
    found = await asked(on, settings, HEALTH)
    assert isinstance(found, HealthReport)
    assert found.state == "degraded"
    assert [agent.agent for agent in found.agents] == ["citation", "retrieval"]


async def test_an_agent_that_nobody_looks_at_any_more_is_down(on: Backends, settings: MonitoringSettings) -> None:
    await on.records.health.put([seen("retrieval", "up", 1), seen("citation", "up", 400)])
    found = await asked(on, settings, HEALTH)
    assert isinstance(found, HealthReport)
    states = {agent.agent: agent.state for agent in found.agents}
    assert states == {"retrieval": "up", "citation": "down"}
    assert found.state == "down"
    assert found.agents[0].detail.startswith("not checked for 400 s, then it was up")


async def test_documents_are_counted_by_status_for_the_caller_alone(on: Backends, settings: MonitoringSettings) -> None:
    def document(name: str, **fields: object) -> Document:
        return Document.model_validate(
            {"doc_id": name, "filename": f"{name}.pdf", "sha256": name, "created_at": NOW, "updated_at": NOW, **fields}
        )

    for tenant, name, status in ((TENANT, "a", "completed"), (TENANT, "b", "failed"), (OTHER, "c", "pending")):
        await on.records.documents.add(tenant, document(name, status=status))
    found = await asked(on, settings, HEALTH)
    assert isinstance(found, HealthReport)
    assert {status: count for status, count in found.documents.items() if count} == {"completed": 1, "failed": 1}


async def test_a_federation_without_agents_is_down(on: Backends, settings: MonitoringSettings) -> None:
    found = await asked(on, settings, HEALTH)
    assert isinstance(found, HealthReport)
    assert (found.state, found.agents) == ("down", ())


@pytest.mark.parametrize(("age", "state"), [(0, "up"), (90, "up"), (90.1, "down"), (9000, "down")])
def test_a_row_is_believed_for_three_periods(age: float, state: State, settings: MonitoringSettings) -> None:
    row = seen("retrieval", "up", age, NOW)
    assert believed(row, NOW, settings.stale_after).state == state


@pytest.mark.parametrize(
    ("states", "whole"),
    [(["up", "up"], "up"), (["up", "degraded"], "degraded"), (["degraded", "down", "up"], "down"), ([], "down")],
)
def test_the_worst_state_wins(states: list[State], whole: State) -> None:
    assert worst([seen("retrieval", state, 0) for state in states]) == whole


def test_a_window_ends_now_and_begins_so_many_hours_ago() -> None:
    assert Window.last(1.5, NOW) == Window(NOW - timedelta(minutes=90), NOW)
    assert Window.last(24).until.tzinfo is UTC


# the doors -----------------------------------------------------------------------------------------------------------


async def test_all_reports_are_tools(settings: MonitoringSettings) -> None:
    async with Client(create_server(settings)) as client:
        tools = {tool.name for tool in await client.list_tools()}
        report = await client.call_tool("usage", {"hours": 2, "group_by": "model"})
    assert tools == {"usage", "latency", "health"}
    assert report.structured_content is not None
    assert report.structured_content["group_by"] == "model"


async def test_reports_need_the_right_to_read_them(on: Backends, settings: MonitoringSettings) -> None:
    stranger = Caller(TENANT, "ada", "viewer", frozenset({"documents:read"}))
    invoker = Invoker("monitoring", on)
    with pytest.raises(ForbiddenError, match="reports:read"):
        await invoker.invoke(skills.bound["usage"], {}, stranger)
    await invoker.close()
