"""One run of a workflow's generator: fed with outcomes in order, it says what to do next. It does nothing itself."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runtime.durable.contract import Json, Task, Workflow, WorkflowStatus
from runtime.durable.payload import decode, encode
from runtime.durable.steps import MESSAGE_CHARS, ActivityError, AllOf, AnyOf, Outcome, Step
from runtime.errors import AgentRAGError, InternalError

STEPS = 10_000
"""Most steps of one run."""


@dataclass(frozen=True)
class Ended:
    """How a run ended; `result` is canonical JSON. `cause` is what a failed workflow raised, for the log."""

    status: WorkflowStatus
    result: str | None = None
    error: str | None = None
    cause: Exception | None = None


@dataclass(frozen=True)
class Arrived:
    """A step with its outcome and the journaled time of its arrival."""

    number: int
    outcome: Outcome
    at: datetime


class NonDeterminismError(InternalError):
    """A workflow did not take the way that its history says it took."""


class Context:
    """Implements WorkflowContext for one run."""

    def __init__(self, instance_id: str, now: datetime) -> None:
        self._instance_id = instance_id
        self.clock = now
        self.steps: list[Step] = []

    @property
    def instance_id(self) -> str:
        """See the contract."""
        return self._instance_id

    @property
    def now(self) -> datetime:
        """See the contract."""
        return self.clock

    def call_activity(self, name: str, input: Json) -> Task:
        """See the contract. Raises TooLargeError or InvalidInputError for an input that cannot be journaled."""
        text = encode(input, f"input of activity {name!r}")
        return self._add(Step(self._next(), "activity", name, text))

    def timer(self, delay: timedelta) -> Task:
        """See the contract."""
        return self._add(Step(self._next(), "timer", due=self.clock + delay))

    def wait_event(self, name: str) -> Task:
        """See the contract. Events of one name go to the waits of that name in order."""
        return self._add(Step(self._next(), "event", name))

    def _next(self) -> int:
        if len(self.steps) >= STEPS:
            raise InternalError(f"the workflow has taken {STEPS} steps, the limit; split it into several runs")
        return len(self.steps) + 1

    def _add(self, step: Step) -> Task:
        self.steps.append(step)
        return step


class Execution:
    """Drives one generator. `steps` are all it ever made, `ended` says how it ended."""

    def __init__(self, workflow: Workflow, instance_id: str, input: str, now: datetime) -> None:
        self._context = Context(instance_id, now)
        self._workflow = workflow
        self._input = input
        self._generator: Generator[Task, Any, Json] | None = None
        self._awaited: Task | None = None
        self._arrived: dict[int, tuple[int, Outcome]] = {}
        self.ended: Ended | None = None

    @property
    def steps(self) -> list[Step]:
        """Every step made so far, in order."""
        return self._context.steps

    @property
    def now(self) -> datetime:
        """Time of the turn at hand."""
        return self._context.clock

    @property
    def arrivals(self) -> int:
        """Outcomes taken so far."""
        return len(self._arrived)

    def begin(self) -> None:
        """Run to the first wait, or the end."""
        try:
            made = self._workflow(self._context, decode(self._input))
        except Exception as error:  # whatever a workflow raises is how it ended
            self._fail(error)
            return
        if not isinstance(made, Generator):
            self._fail(InternalError(f"the workflow is no generator, it returned {type(made).__name__}; write `yield`"))
            return
        self._generator = made
        self._resume(made, None)
        self._advance()

    def deliver(self, arrived: Arrived) -> None:
        """Take the outcome of a step and run on as far as it leads."""
        self._context.clock = arrived.at
        self._arrived[arrived.number] = (len(self._arrived) + 1, arrived.outcome)
        self._advance()

    def abandon(self) -> None:
        """Let the generator clean up; the run is over, so what it raises on its way out changes nothing."""
        if self._generator is not None:
            with suppress(Exception):
                self._generator.close()

    def _advance(self) -> None:
        while self._generator is not None and self.ended is None and self._awaited is not None:
            found = self._resolved(self._awaited)
            if found is None:
                return
            self._resume(self._generator, found[1])

    def _resume(self, generator: Generator[Task, Any, Json], outcome: Outcome | None) -> None:
        try:
            if outcome is None:
                self._awaited = next(generator)
            elif outcome.error is not None:
                self._awaited = generator.throw(ActivityError(outcome.error, outcome.kind))
            else:
                self._awaited = generator.send(outcome.value)
            self._check(self._awaited)
        except StopIteration as stop:
            self._complete(stop.value)
        except Exception as error:  # whatever a workflow raises is how it ended
            self._fail(error)

    def _check(self, task: Task | None) -> None:
        match task:
            case AllOf(tasks) | AnyOf(tasks):
                for each in tasks:
                    self._check(each)
            case Step(number) if number <= len(self.steps) and self.steps[number - 1] is task:
                return
            case _:
                self.abandon()
                raise InternalError(f"the workflow yielded {type(task).__name__}; yield what its context gave it")

    def _resolved(self, task: Task) -> tuple[int, Outcome] | None:
        """The outcome of a task and when it came, or None while it is awaited."""
        if isinstance(task, AllOf):
            return self._all(task)
        if isinstance(task, AnyOf):
            return self._any(task)
        return self._arrived.get(task.number) if isinstance(task, Step) else None

    def _all(self, task: AllOf) -> tuple[int, Outcome] | None:
        parts = [self._resolved(each) for each in task.tasks]
        failed = [part for part in parts if part is not None and part[1].error is not None]
        if failed:
            return min(failed, key=lambda part: part[0])
        done = [part for part in parts if part is not None]
        if len(done) < len(parts):
            return None
        return max((order for order, _ in done), default=0), Outcome([outcome.value for _, outcome in done])

    def _any(self, task: AnyOf) -> tuple[int, Outcome] | None:
        ended = [(part[0], place, part[1]) for place, each in enumerate(task.tasks) if (part := self._resolved(each))]
        if not ended:
            return None
        order, place, outcome = min(ended, key=lambda part: part[:2])
        return order, outcome if outcome.error is not None else Outcome((place, outcome.value))

    def _complete(self, value: Any) -> None:
        try:
            self.ended = Ended("completed", result=encode(value, "result of the workflow"))
        except AgentRAGError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        message = str(error) if isinstance(error, AgentRAGError) else f"{type(error).__name__}: {error}"
        self.ended = Ended("failed", error=message[:MESSAGE_CHARS], cause=error)


def replay(execution: Execution, steps: Sequence[Step], arrived: Sequence[Arrived]) -> None:
    """Begin and take the way that the journal tells, without doing any step again.

    Raises: NonDeterminismError when the workflow makes other steps than it did.
    """
    execution.begin()
    compared = _compare(execution, steps, 0)
    for each in arrived:
        execution.deliver(each)
        compared = _compare(execution, steps, compared)
    if compared < len(steps):
        raise _differs(compared + 1, str(steps[compared]), "nothing")


def _compare(execution: Execution, steps: Sequence[Step], compared: int) -> int:
    """Hold the steps made since `compared` against the journal; return how many there are."""
    for made in execution.steps[compared:]:
        if made.number > len(steps):
            raise _differs(made.number, "nothing", str(made))
        if made != steps[made.number - 1]:
            raise _differs(made.number, str(steps[made.number - 1]), str(made))
    return len(execution.steps)


def _differs(number: int, before: str, now: str) -> NonDeterminismError:
    return NonDeterminismError(
        f"the workflow does not take the way it took before: step {number} was {before} and is {now} now; "
        "give changed workflows a new name, and use no clock, randomness or I/O in them"
    )
