"""Runs end once and are remembered as turns of a conversation; health keeps the last word."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runtime.errors import InvalidInputError, NotFoundError
from runtime.records.contract import Records, StoredRun
from schemas.answer import TokenUsage, Turn
from schemas.message import RunId, TenantId
from schemas.query import Run
from schemas.report import AgentHealth

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def run_of(query_id: str, *, minute: int = 0, conversation: str = "c1", **fields: Any) -> Run:
    """A run that began some minutes after noon."""
    known = {"query": f"what is {query_id}?", "status": "running", "trace_id": "t"}
    moment = NOON + timedelta(minutes=minute)
    return Run(query_id=query_id, conversation_id=conversation, created_at=moment, **{**known, **fields})


async def ended(records: Records, tenant: TenantId, principal: str, run: Run) -> None:
    """Begin and end a run."""
    await records.runs.begin(StoredRun(tenant, principal, run.model_copy(update={"status": "running"}), {}))
    await records.runs.finish(tenant, run)


async def test_a_run_comes_back_as_it_was_begun(records: Records, tenant: TenantId, other: TenantId) -> None:
    stored = StoredRun(tenant, "ann", run_of("q1"), {"query": "what?", "top_k": 5, "filters": {"doc_ids": ["d1"]}})
    await records.runs.begin(stored)
    assert await records.runs.get(tenant, RunId("q1")) == stored
    assert await records.runs.get(other, RunId("q1")) is None


async def test_beginning_a_run_again_changes_nothing(records: Records, tenant: TenantId) -> None:
    first = StoredRun(tenant, "ann", run_of("q1"), {"n": 1})
    await records.runs.begin(first)
    await records.runs.begin(StoredRun(tenant, "bob", run_of("q1", query="other"), {"n": 2}))
    assert await records.runs.get(tenant, RunId("q1")) == first


async def test_a_run_ends_once(records: Records, tenant: TenantId) -> None:
    await records.runs.begin(StoredRun(tenant, "ann", run_of("q1"), {}))
    usage = {"synthesis": TokenUsage(input_tokens=9, output_tokens=2)}
    done = run_of("q1", status="completed", answer="It is [0].", finished_at=NOON, usage=usage, warnings=("w",))
    ends = await asyncio.gather(
        records.runs.finish(tenant, done), *(records.runs.finish(tenant, done) for _ in range(4))
    )
    assert sorted(ends) == [False, False, False, False, True]
    assert not await records.runs.finish(tenant, run_of("q1", status="failed"))
    found = await records.runs.get(tenant, RunId("q1"))
    assert found is not None
    assert found.run == done


async def test_a_run_that_is_not_there_cannot_end(records: Records, tenant: TenantId, other: TenantId) -> None:
    await records.runs.begin(StoredRun(tenant, "ann", run_of("q1"), {}))
    with pytest.raises(NotFoundError, match="q1"):
        await records.runs.finish(other, run_of("q1", status="completed"))
    with pytest.raises(InvalidInputError, match="q1"):
        await records.runs.finish(tenant, run_of("q1"))


async def test_turns_are_the_last_completed_ones_oldest_first(
    records: Records, tenant: TenantId, other: TenantId
) -> None:
    for minute in range(7):
        run = run_of(f"q{minute}", minute=minute, status="completed", answer=f"a{minute}")
        await ended(records, tenant, "ann", run)
    await ended(records, tenant, "ann", run_of("bad", minute=8, status="failed"))
    await ended(records, tenant, "ann", run_of("else", minute=8, status="completed", conversation="c2"))
    await ended(records, tenant, "bob", run_of("bobs", minute=8, status="completed"))
    await ended(records, other, "ann", run_of("theirs", minute=8, status="completed"))
    await records.runs.begin(StoredRun(tenant, "ann", run_of("open", minute=9), {}))
    turns = await records.runs.turns(tenant, "ann", "c1")
    assert turns == tuple(Turn(question=f"what is q{n}?", answer=f"a{n}") for n in range(2, 7))
    assert await records.runs.turns(tenant, "ann", "c1", limit=1) == turns[-1:]
    assert await records.runs.turns(tenant, "ann", "nothing") == ()


async def test_health_keeps_the_last_word_on_each_agent(records: Records) -> None:
    up = AgentHealth(agent="retrieval", state="up", url="http://127.0.0.1:1", checked_at=NOON, latency_ms=2.5)
    down = AgentHealth(agent="citation", state="down", url="http://127.0.0.1:2", detail="refused", checked_at=NOON)
    await records.health.put([up, down])
    later = up.model_copy(update={"state": "degraded", "latency_ms": None, "checked_at": NOON + timedelta(minutes=1)})
    await records.health.put([later])
    await records.health.put([])
    assert await records.health.all() == [down, later]


async def test_records_answer_a_ping(records: Records) -> None:
    await records.ping()
