"""After a restart runs go on where they were: nothing finished is done again, what was cut off is, under its key."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from runtime.durable.contract import Durable, Json, Task, WorkflowContext, WorkflowState
from runtime.durable.steps import ActivityError, when_all, when_any
from runtime.errors import AgentRAGError

Way = Generator[Task, Any, Json]
SECONDS = 20.0


async def ended(engine: Durable, instance_id: str) -> WorkflowState:
    """How a run ended, within bounds."""
    return await asyncio.wait_for(engine.wait(instance_id), SECONDS)


def work(ctx: WorkflowContext, input: Json) -> Way:
    """Three steps, the second of which can be held."""
    started = ctx.now
    first = yield ctx.call_activity("echo", {"n": 1})
    middle = ctx.now
    second = yield ctx.call_activity("hold", {"n": first["n"] + 1, "at": middle.isoformat()})
    third = yield ctx.call_activity("echo", {"n": second["n"] + 1})
    return {"n": third["n"], "started": started.isoformat(), "held_at": second["at"], "middle": middle.isoformat()}


async def test_only_what_was_cut_off_is_done_again(place, desk) -> None:
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    await place.close()
    desk.go_on.set()
    engine = await place.open({"work": work}, desk.activities)
    assert (await engine.state("run-1")).status == "running"
    assert await engine.resume() == 1
    state = await ended(engine, "run-1")
    assert [(key, attempt, input["n"]) for key, attempt, input in desk.calls] == [
        ("run-1:1", 1, 1),
        ("run-1:2", 1, 2),
        ("run-1:2", 2, 2),
        ("run-1:3", 1, 3),
    ]
    assert state.result["n"] == 3
    assert state.result["held_at"] == state.result["middle"]
    assert await engine.resume() == 0


async def test_closing_cancels_activities_but_not_runs(place, desk) -> None:
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    waiting = asyncio.create_task(ended(engine, "run-1"))
    await asyncio.sleep(0)
    await place.close()
    assert desk.cancelled == ["run-1:2"]
    with pytest.raises(AgentRAGError, match="closed"):
        await waiting
    with pytest.raises(AgentRAGError, match="closed"):
        await engine.start("work", "run-2", {})


async def test_an_ended_run_stays_ended(place, desk) -> None:
    desk.go_on.set()
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    before = await ended(engine, "run-1")
    engine = await place.open({"work": work}, desk.activities)
    assert await engine.resume() == 0
    await engine.start("work", "run-1", {})
    assert await ended(engine, "run-1") == before
    assert len(desk.calls) == 3


async def test_a_run_can_be_cancelled_before_it_goes_on(place, desk) -> None:
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({"work": work}, desk.activities)
    waiting = asyncio.create_task(ended(engine, "run-1"))
    await asyncio.sleep(0.01)
    assert await engine.cancel("run-1")
    assert (await waiting).status == "cancelled"
    assert await engine.resume() == 0


async def test_events_and_timers_outlive_the_engine(place, desk) -> None:
    def asking(ctx: WorkflowContext, input: Json) -> Way:
        yield ctx.call_activity("hold", {})
        word = yield ctx.wait_event("answer")
        yield ctx.timer(timedelta(seconds=0.05))
        other = yield ctx.wait_event("answer")
        return {"words": [word["n"], other["n"]]}

    engine = await place.open({"asking": asking}, desk.activities)
    await engine.start("asking", "run-1", {})
    await engine.signal("run-1", "answer", {"n": 1})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({"asking": asking}, desk.activities)
    await engine.signal("run-1", "answer", {"n": 2})
    desk.go_on.set()
    assert await engine.resume() == 1
    assert (await ended(engine, "run-1")).result == {"words": [1, 2]}


async def test_a_timer_that_ended_while_nobody_ran_ends_at_once(place, desk) -> None:
    def sleeping(ctx: WorkflowContext, input: Json) -> Way:
        yield ctx.timer(timedelta(seconds=0.05))
        return {"slept": True}

    engine = await place.open({"sleeping": sleeping})
    await engine.start("sleeping", "run-1", {})
    await place.close()
    await asyncio.sleep(0.06)
    engine = await place.open({"sleeping": sleeping})
    assert await engine.resume() == 1
    assert (await ended(engine, "run-1")).result == {"slept": True}


async def test_who_won_a_race_is_remembered(place, desk) -> None:
    def race(ctx: WorkflowContext, input: Json) -> Way:
        tasks = [ctx.wait_event("a"), ctx.wait_event("b"), ctx.wait_event("c")]
        first, _ = yield when_any(tasks)
        second, _ = yield when_any([task for number, task in enumerate(tasks) if number != first])
        yield ctx.call_activity("hold", {"first": first, "second": second})
        words = yield when_all(tasks)
        return {"first": first, "words": [word["n"] for word in words]}

    engine = await place.open({"race": race}, desk.activities)
    await engine.start("race", "run-1", {})
    for name, number in (("c", 3), ("a", 1)):
        await engine.signal("run-1", name, {"n": number})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({"race": race}, desk.activities)
    await engine.resume()
    desk.go_on.set()
    await engine.signal("run-1", "b", {"n": 2})
    assert (await ended(engine, "run-1")).result == {"first": 2, "words": [1, 2, 3]}


async def test_a_failure_that_was_caught_is_caught_again(place, desk) -> None:
    def catching(ctx: WorkflowContext, input: Json) -> Way:
        try:
            yield ctx.call_activity("fail", {"n": 1})
        except ActivityError as error:
            result = yield ctx.call_activity("hold", {"because": str(error)})
            return dict(result)
        return {}

    engine = await place.open({"catching": catching}, desk.activities)
    await engine.start("catching", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({"catching": catching}, desk.activities)
    desk.go_on.set()
    await engine.resume()
    assert (await ended(engine, "run-1")).result == {"because": "LookupError: nothing under 1"}
    assert [call[0] for call in desk.calls] == ["run-1:1", "run-1:2", "run-1:2"]


def other_input(ctx: WorkflowContext, input: Json) -> Way:
    yield ctx.call_activity("echo", {"n": 99})
    yield ctx.call_activity("hold", {})
    return {}


def other_activity(ctx: WorkflowContext, input: Json) -> Way:
    yield ctx.call_activity("fail", {"n": 1})
    return {}


def more_steps(ctx: WorkflowContext, input: Json) -> Way:
    first = yield ctx.call_activity("echo", {"n": 1})
    ctx.timer(timedelta(seconds=1))
    yield ctx.call_activity("hold", {"n": first["n"] + 1, "at": ctx.now.isoformat()})
    return {}


def fewer_steps(ctx: WorkflowContext, input: Json) -> Way:
    yield ctx.call_activity("echo", {"n": 1})
    return {}


@pytest.mark.parametrize("changed", [other_input, other_activity, more_steps, fewer_steps])
async def test_a_changed_workflow_fails_its_old_runs_and_says_why(place, desk, changed) -> None:
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({"work": changed}, desk.activities)
    assert await engine.resume() == 1
    state = await ended(engine, "run-1")
    assert state.status == "failed"
    assert "does not take the way it took" in str(state.error)
    assert len(desk.calls) == 2


async def test_a_workflow_that_nobody_knows_any_more_waits_for_one_who_does(place, desk) -> None:
    engine = await place.open({"work": work}, desk.activities)
    await engine.start("work", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    engine = await place.open({}, desk.activities)
    assert await engine.resume() == 0
    assert (await engine.state("run-1")).status == "running"
    engine.register({"work": work}, {})
    desk.go_on.set()
    assert await engine.resume() == 1
    assert (await ended(engine, "run-1")).status == "completed"


async def test_many_runs_go_on_after_a_restart(place, desk) -> None:
    engine = await place.open({"work": work}, desk.activities)
    for number in range(40):
        await engine.start("work", f"run-{number}", {})
    desk.go_on.set()
    engine = await place.open({"work": work}, desk.activities)
    await engine.resume()
    states = await asyncio.gather(*(ended(engine, f"run-{number}") for number in range(40)))
    assert {state.status for state in states} == {"completed"}
    done = [key for key, _, _ in desk.calls]
    assert {f"run-{number}:3" for number in range(40)} <= set(done)
