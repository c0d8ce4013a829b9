"""Runs of workflows: results, failures, events, timers, cancels and limits, on every engine."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import pytest

from runtime.durable.contract import PAYLOAD_BYTES, Durable, Json, Task, WorkflowContext, WorkflowState
from runtime.durable.steps import ActivityError, when_all, when_any
from runtime.errors import AgentRAGError, ConflictError, InternalError, InvalidInputError, NotFoundError, TooLargeError

Way = Generator[Task, Any, Json]
SECONDS = 20.0


async def ended(engine: Durable, instance_id: str) -> WorkflowState:
    """How a run ended, within bounds."""
    return await asyncio.wait_for(engine.wait(instance_id), SECONDS)


def chain(ctx: WorkflowContext, input: Json) -> Way:
    """Three steps, each on the result of the one before."""
    first = yield ctx.call_activity("echo", {"n": input["n"] + 1})
    second = yield ctx.call_activity("echo", {"n": first["n"] + 1})
    third = yield ctx.call_activity("echo", {"n": second["n"] + 1})
    return {"n": third["n"], "id": ctx.instance_id}


def nothing(ctx: WorkflowContext, input: Json) -> Way:
    """No step at all."""
    return dict(input)
    yield  # makes it a generator


def catching(ctx: WorkflowContext, input: Json) -> Way:
    """Takes a failure for what it is and goes on."""
    try:
        yield ctx.call_activity("fail", {"n": 1})
    except ActivityError as error:
        rescued = yield ctx.call_activity("echo", {"because": str(error), "kind": error.kind})
        return dict(rescued)
    return {}


def failing(ctx: WorkflowContext, input: Json) -> Way:
    """Lets the failure through."""
    yield ctx.call_activity("fail", {"n": 1})
    return {}


def holding(ctx: WorkflowContext, input: Json) -> Way:
    """Waits in an activity."""
    result = yield ctx.call_activity("hold", {"n": 1})
    return dict(result)


def asking(ctx: WorkflowContext, input: Json) -> Way:
    """Waits for two answers."""
    first = yield ctx.wait_event("answer")
    second = yield ctx.wait_event("answer")
    return {"answers": [first["n"], second["n"]]}


def approval(ctx: WorkflowContext, input: Json) -> Way:
    """Waits for a word, for so long."""
    place, word = yield when_any([ctx.wait_event("approved"), ctx.timer(timedelta(seconds=input["seconds"]))])
    return {"approved": place == 0, "word": word}


def both(ctx: WorkflowContext, input: Json) -> Way:
    """Two activities at once."""
    results = yield when_all([ctx.call_activity("hold", {"n": n}) for n in (1, 2)])
    return {"results": results}


async def test_each_step_gets_the_result_of_the_one_before(place, desk) -> None:
    engine = await place.open({"chain": chain}, desk.activities)
    await engine.start("chain", "run-1", {"n": 0})
    assert await ended(engine, "run-1") == WorkflowState("run-1", "chain", "completed", result={"n": 3, "id": "run-1"})
    assert desk.calls == [("run-1:1", 1, {"n": 1}), ("run-1:2", 1, {"n": 2}), ("run-1:3", 1, {"n": 3})]
    assert await engine.state("run-1") == await ended(engine, "run-1")


async def test_a_run_may_take_no_step(place) -> None:
    engine = await place.open({"nothing": nothing})
    await engine.start("nothing", "run-1", {"text": "ä\u2028\U0001f9c0"})
    assert (await ended(engine, "run-1")).result == {"text": "ä\u2028\U0001f9c0"}


async def test_an_instance_id_is_run_once(place, desk) -> None:
    engine = await place.open({"chain": chain, "nothing": nothing}, desk.activities)
    await asyncio.gather(*(engine.start("chain", "run-1", {"n": 0}) for _ in range(5)))
    await ended(engine, "run-1")
    await engine.start("nothing", "run-1", {"n": 9})
    assert (await ended(engine, "run-1")).result == {"n": 3, "id": "run-1"}
    assert len(desk.calls) == 3


async def test_a_failed_activity_can_be_caught(place, desk) -> None:
    engine = await place.open({"catching": catching}, desk.activities)
    await engine.start("catching", "run-1", {})
    state = await ended(engine, "run-1")
    assert state.result == {"because": "LookupError: nothing under 1", "kind": "LookupError"}


async def test_a_failure_that_nobody_catches_ends_the_run(place, desk) -> None:
    engine = await place.open({"failing": failing}, desk.activities)
    await engine.start("failing", "run-1", {})
    state = await ended(engine, "run-1")
    assert (state.status, state.error, state.result) == ("failed", "LookupError: nothing under 1", None)


async def test_a_fault_of_the_workflow_ends_the_run(place) -> None:
    def faulty(ctx: WorkflowContext, input: Json) -> Way:
        yield ctx.timer(timedelta())
        raise KeyError("lost")

    engine = await place.open({"faulty": faulty})
    await engine.start("faulty", "run-1", {})
    state = await ended(engine, "run-1")
    assert (state.status, state.error) == ("failed", "KeyError: 'lost'")


@pytest.mark.parametrize("given", [None, 5, "activity", object()], ids=str)
async def test_what_is_no_step_cannot_be_yielded(place, given: object) -> None:
    def odd(ctx: WorkflowContext, input: Json) -> Way:
        yield given
        return {}

    engine = await place.open({"odd": odd})
    await engine.start("odd", "run-1", {})
    state = await ended(engine, "run-1")
    assert state.status == "failed"
    assert type(given).__name__ in str(state.error)


async def test_an_activity_that_nobody_knows_fails(place) -> None:
    engine = await place.open({"failing": failing})
    await engine.start("failing", "run-1", {})
    assert "no activity 'fail'" in str((await ended(engine, "run-1")).error)


async def test_a_workflow_that_nobody_knows_cannot_start(place, desk) -> None:
    engine = await place.open({"chain": chain}, desk.activities)
    with pytest.raises(InternalError, match=r"'other'.*chain"):
        await engine.start("other", "run-1", {})
    assert await engine.state("run-1") is None


async def test_runs_go_on_beside_each_other(place, desk) -> None:
    engine = await place.open({"chain": chain, "holding": holding}, desk.activities)
    await engine.start("holding", "slow", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    for number in range(30):
        await engine.start("chain", f"quick-{number}", {"n": number})
    states = await asyncio.gather(*(ended(engine, f"quick-{number}") for number in range(30)))
    assert [state.result["n"] for state in states] == [number + 3 for number in range(30)]
    assert (await engine.state("slow")).status == "running"
    desk.go_on.set()
    assert (await ended(engine, "slow")).status == "completed"


async def test_cancelling_a_run_ends_its_activity(place, desk) -> None:
    engine = await place.open({"holding": holding}, desk.activities)
    await engine.start("holding", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    waiting = asyncio.create_task(ended(engine, "run-1"))
    assert await asyncio.wait_for(engine.cancel("run-1"), SECONDS)
    assert desk.cancelled == ["run-1:1"]
    assert (await waiting).status == "cancelled"
    assert not await engine.cancel("run-1")
    assert not await engine.cancel("never")


async def test_an_ended_run_cannot_be_cancelled(place) -> None:
    engine = await place.open({"nothing": nothing})
    await engine.start("nothing", "run-1", {})
    await ended(engine, "run-1")
    assert not await engine.cancel("run-1")
    assert (await engine.state("run-1")).status == "completed"


async def test_an_activity_that_cancels_itself_has_failed(place) -> None:
    async def give_up(context, input):
        raise asyncio.CancelledError

    def trying(ctx: WorkflowContext, input: Json) -> Way:
        yield ctx.call_activity("give_up", {})
        return {}

    engine = await place.open({"trying": trying}, {"give_up": give_up})
    await engine.start("trying", "run-1", {})
    assert (await ended(engine, "run-1")).status == "failed"


async def test_events_are_taken_in_order_whenever_they_come(place, desk) -> None:
    engine = await place.open({"asking": asking, "approval": approval}, desk.activities)
    await engine.start("asking", "run-1", {})
    await engine.signal("run-1", "other", {"n": 0})
    await engine.signal("run-1", "answer", {"n": 1})
    await asyncio.sleep(0.05)
    await engine.signal("run-1", "answer", {"n": 2})
    assert (await ended(engine, "run-1")).result == {"answers": [1, 2]}


async def test_two_events_at_once_are_both_taken(place, desk) -> None:
    def late(ctx: WorkflowContext, input: Json) -> Way:
        yield ctx.call_activity("hold", {})
        first = yield ctx.wait_event("answer")
        second = yield ctx.wait_event("answer")
        return {"answers": [first["n"], second["n"]]}

    engine = await place.open({"late": late}, desk.activities)
    await engine.start("late", "run-1", {})
    await asyncio.wait_for(desk.reached.wait(), SECONDS)
    await engine.signal("run-1", "answer", {"n": 1})
    await engine.signal("run-1", "answer", {"n": 2})
    desk.go_on.set()
    assert (await ended(engine, "run-1")).result == {"answers": [1, 2]}


async def test_an_event_needs_a_run_that_goes_on(place) -> None:
    engine = await place.open({"nothing": nothing})
    with pytest.raises(NotFoundError, match="run-1"):
        await engine.signal("run-1", "answer", {})
    await engine.start("nothing", "run-1", {})
    await ended(engine, "run-1")
    with pytest.raises(ConflictError, match="run-1"):
        await engine.signal("run-1", "answer", {})


async def test_a_word_in_time_beats_the_timer(place) -> None:
    engine = await place.open({"approval": approval})
    await engine.start("approval", "run-1", {"seconds": 3600})
    await engine.signal("run-1", "approved", {"by": "ann"})
    assert (await ended(engine, "run-1")).result == {"approved": True, "word": {"by": "ann"}}


async def test_without_a_word_the_timer_ends_the_wait(place) -> None:
    engine = await place.open({"approval": approval})
    await engine.start("approval", "run-1", {"seconds": 0.02})
    assert (await ended(engine, "run-1")).result == {"approved": False, "word": None}


async def test_time_goes_on_by_the_journal(place) -> None:
    def timing(ctx: WorkflowContext, input: Json) -> Way:
        before = ctx.now
        same = ctx.now
        yield ctx.timer(timedelta(milliseconds=30))
        passed = ctx.now - before
        yield ctx.timer(timedelta(seconds=-5))
        return {"stands": before == same, "passed_ms": passed / timedelta(milliseconds=1), "aware": ctx.now.tzname()}

    engine = await place.open({"timing": timing})
    await engine.start("timing", "run-1", {})
    result = (await ended(engine, "run-1")).result
    assert (result["stands"], result["aware"]) == (True, "UTC")
    assert result["passed_ms"] >= 30


async def test_several_activities_run_at_once(place, desk) -> None:
    engine = await place.open({"both": both}, desk.activities)
    await engine.start("both", "run-1", {})
    async with asyncio.timeout(SECONDS):
        while len(desk.calls) < 2:
            await asyncio.sleep(0.01)
    desk.go_on.set()
    assert (await ended(engine, "run-1")).result == {"results": [{"n": 1}, {"n": 2}]}


async def test_the_first_failure_of_several_is_raised_at_once(place, desk) -> None:
    def mixed(ctx: WorkflowContext, input: Json) -> Way:
        yield when_all([ctx.call_activity("hold", {}), when_all([]), ctx.call_activity("fail", {"n": 7})])
        return {}

    engine = await place.open({"mixed": mixed}, desk.activities)
    await engine.start("mixed", "run-1", {})
    assert (await ended(engine, "run-1")).error == "LookupError: nothing under 7"
    assert desk.cancelled == ["run-1:1"]


async def test_what_lost_a_race_can_still_be_waited_for(place, desk) -> None:
    def race(ctx: WorkflowContext, input: Json) -> Way:
        slow = ctx.call_activity("hold", {"n": 1})
        place_, _ = yield when_any([slow, ctx.timer(timedelta())])
        yield ctx.call_activity("echo", {"first": place_})
        result = yield slow
        return {"first": place_, "slow": result["n"]}

    engine = await place.open({"race": race}, desk.activities)
    await engine.start("race", "run-1", {})
    async with asyncio.timeout(SECONDS):
        while len(desk.calls) < 2:
            await asyncio.sleep(0.01)
    desk.go_on.set()
    assert (await ended(engine, "run-1")).result == {"first": 1, "slow": 1}


LARGE = {"text": "x" * PAYLOAD_BYTES}


async def test_large_inputs_are_refused(place, desk) -> None:
    engine = await place.open({"nothing": nothing, "asking": asking}, desk.activities)
    with pytest.raises(TooLargeError, match=str(PAYLOAD_BYTES)):
        await engine.start("nothing", "run-1", LARGE)
    with pytest.raises(InvalidInputError, match="JSON"):
        await engine.start("nothing", "run-1", {"n": float("nan")})
    assert await engine.state("run-1") is None
    await engine.start("asking", "run-2", {})
    with pytest.raises(TooLargeError, match="answer"):
        await engine.signal("run-2", "answer", LARGE)


async def test_large_results_are_failures(place) -> None:
    async def large(context, input):
        return LARGE

    async def opaque(context, input):
        return {"n": object()}

    def calling(ctx: WorkflowContext, input: Json) -> Way:
        reasons = []
        for name in ("large", "opaque"):
            try:
                yield ctx.call_activity(name, {})
            except ActivityError as error:
                reasons.append(error.kind)
        try:
            ctx.call_activity("large", LARGE)
        except AgentRAGError as error:
            reasons.append(type(error).__name__)
        return {"reasons": reasons} if input else LARGE

    engine = await place.open({"calling": calling}, {"large": large, "opaque": opaque})
    await engine.start("calling", "run-1", {"n": 1})
    reasons = ["TooLargeError", "InvalidInputError", "TooLargeError"]
    assert (await ended(engine, "run-1")).result == {"reasons": reasons}
    await engine.start("calling", "run-2", {})
    state = await ended(engine, "run-2")
    assert state.status == "failed"
    assert "result of the workflow" in str(state.error)


async def test_a_result_of_just_the_limit_is_kept(place) -> None:
    async def full(context, input):
        return {"text": "x" * (PAYLOAD_BYTES - len('{"text":""}'))}

    def calling(ctx: WorkflowContext, input: Json) -> Way:
        result = yield ctx.call_activity("full", {})
        return dict(result)

    engine = await place.open({"calling": calling}, {"full": full})
    await engine.start("calling", "run-1", {})
    assert (await ended(engine, "run-1")).status == "completed"


async def test_a_run_that_never_was_cannot_be_waited_for(place) -> None:
    engine = await place.open({})
    with pytest.raises(NotFoundError, match="run-1"):
        await ended(engine, "run-1")
    assert await engine.state("run-1") is None
    await engine.ping()
