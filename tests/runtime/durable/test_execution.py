"""Replaying a recorded history takes the same way, step by step, whatever order the outcomes came in."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.durable.contract import Json, Task, WorkflowContext
from runtime.durable.execution import Arrived, Execution, NonDeterminismError, replay
from runtime.durable.steps import ActivityError, Outcome, Step, when_all, when_any
from runtime.errors import InvalidInputError

Way = Generator[Task, Any, Json]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def busy(ctx: WorkflowContext, input: Json) -> Way:
    """Races, joins and failures; what it does next depends on who came first."""
    tasks = [ctx.call_activity(name, {"n": number}) for number, name in enumerate("abc")]
    log: list[Any] = []
    try:
        place, value = yield when_any(tasks)
        log.append([place, value])
        log.append((yield when_all([*tasks, ctx.timer(timedelta(seconds=place))])))
    except ActivityError as error:
        log.append(str(error))
        log.append((yield ctx.wait_event("repair")))
    return {"log": log, "seconds": (ctx.now - NOON).total_seconds()}


def play(order: list[tuple[int, bool]]) -> tuple[Execution, list[Arrived]]:
    """Deliver outcomes by preference until the run ends; return it and what was delivered."""
    execution, arrived = Execution(busy, "run", '{"n":1}', NOON), []
    execution.begin()
    wanted = iter(order)
    open_steps = [step.number for step in execution.steps]
    while execution.ended is None:
        pick, fails = next(wanted, (0, False))
        number = open_steps.pop(pick % len(open_steps))
        known = len(execution.steps)
        outcome = Outcome(error="broken") if fails and number <= 3 else Outcome({"from": number})
        arrived.append(Arrived(number, outcome, NOON + timedelta(seconds=len(arrived) + 1)))
        execution.deliver(arrived[-1])
        open_steps += [step.number for step in execution.steps[known:]]
    return execution, arrived


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8))
def test_a_replay_makes_the_same_steps_and_the_same_end(order: list[tuple[int, bool]]) -> None:
    execution, arrived = play(order)
    assert execution.ended is not None
    assert execution.ended.status == "completed"
    again = Execution(busy, "run", '{"n":1}', NOON)
    replay(again, execution.steps, arrived)
    assert (again.ended, again.steps, again.now) == (execution.ended, execution.steps, execution.now)


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=8), st.data())
def test_a_replay_can_stop_at_any_turn(order: list[tuple[int, bool]], data: st.DataObject) -> None:
    execution, arrived = play(order)
    cut = data.draw(st.integers(0, len(arrived) - 1))
    steps = max(3, *(each.number for each in arrived[: cut + 1]))
    made = Execution(busy, "run", '{"n":1}', NOON)
    made.begin()
    for each in arrived[:cut]:
        made.deliver(each)
    resumed = Execution(busy, "run", '{"n":1}', NOON)
    replay(resumed, made.steps, arrived[:cut])
    for each in arrived[cut:]:
        resumed.deliver(each)
    assert resumed.ended == execution.ended
    assert len(resumed.steps) >= steps


def test_a_recorded_history_is_followed() -> None:
    """A history as an earlier release journaled it; a change here breaks the runs that are under way."""
    steps = [
        Step(1, "activity", "a", '{"n":0}'),
        Step(2, "activity", "b", '{"n":1}'),
        Step(3, "activity", "c", '{"n":2}'),
        Step(4, "timer", due=NOON + timedelta(seconds=2)),
    ]
    arrived = [
        Arrived(2, Outcome({"x": 1}), NOON + timedelta(seconds=1)),
        Arrived(1, Outcome({"x": 0}), NOON + timedelta(seconds=3)),
        Arrived(4, Outcome(), NOON + timedelta(seconds=4)),
        Arrived(3, Outcome({"x": 2}), NOON + timedelta(seconds=5)),
    ]
    execution = Execution(busy, "run", "{}", NOON)
    replay(execution, steps, arrived)
    assert execution.ended is not None
    assert execution.ended.result == '{"log":[[1,{"x":1}],[{"x":0},{"x":1},{"x":2},null]],"seconds":5.0}'


@pytest.mark.parametrize(
    ("recorded", "named"),
    [
        ([Step(1, "activity", "a", '{"n":0}')], "step 2 was nothing and is activity 'b'"),
        ([Step(1, "event", "a")], "step 1 was a wait for event 'a' and is activity 'a'"),
        ([Step(1, "timer", due=NOON)], "step 1 was a timer until 2026"),
    ],
)
def test_another_way_is_named(recorded: list[Step], named: str) -> None:
    with pytest.raises(NonDeterminismError, match=named):
        replay(Execution(busy, "run", "{}", NOON), recorded, [])


def test_the_first_of_no_tasks_would_never_come() -> None:
    with pytest.raises(InvalidInputError, match="for ever"):
        when_any([])
