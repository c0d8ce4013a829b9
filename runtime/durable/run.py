"""One run at work: starts the steps that its workflow asks for, journals each outcome, then lets it go on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from runtime.durable.contract import Activity, ActivityContext
from runtime.durable.execution import Arrived, Ended, Execution
from runtime.durable.journal import Event, Journal, Turn
from runtime.durable.payload import decode, encode
from runtime.durable.steps import MESSAGE_CHARS, Outcome, Step
from runtime.errors import AgentRAGError

log = structlog.get_logger()

STOP_SECONDS = 10.0
"""How long a cancelled activity may take to clean up before it is left alone."""
NAP_SECONDS = 3600.0
"""Longest sleep of a timer before it looks at the clock again."""


@dataclass(frozen=True)
class Workshop:
    """What all runs of an engine share."""

    journal: Journal
    activities: Mapping[str, Activity]
    slots: asyncio.Semaphore
    clock: Callable[[], datetime]


@dataclass(frozen=True)
class _Arrival:
    number: int
    outcome: Outcome
    value: str | None
    event: int | None = None


class Run:
    """A run between its begin and its end."""

    def __init__(self, instance_id: str, execution: Execution, workshop: Workshop) -> None:
        self.instance_id = instance_id
        self.execution = execution
        self._workshop = workshop
        self._arrivals: asyncio.Queue[_Arrival] = asyncio.Queue()
        self._at_work: set[asyncio.Task[None]] = set()
        self._waits: dict[str, deque[int]] = {}
        self._inbox: dict[str, deque[Event]] = {}
        self._last_event = 0

    def offer(self, event: Event) -> None:
        """Hand in an event that is in the journal's inbox; the same one again changes nothing."""
        if event.id <= self._last_event:
            return
        self._last_event = event.id
        self._inbox.setdefault(event.name, deque()).append(event)
        self._match(event.name)

    def launch(self, steps: Sequence[Step], attempts: Mapping[int, int]) -> None:
        """Begin steps that are journaled; `attempts` says how often each was begun, this time included."""
        for step in steps:
            match step.kind:
                case "activity":
                    self._spawn(self._act(step, attempts.get(step.number, 1)), f"{self.instance_id}:{step.number}")
                case "timer":
                    self._spawn(self._sleep(step), f"{self.instance_id}:{step.number}")
                case "event":
                    self._waits.setdefault(step.name, deque()).append(step.number)
                    self._match(step.name)

    async def drive(self) -> Ended | None:
        """Go on until the end; None when somebody else ended the run meanwhile."""
        try:
            while self.execution.ended is None:
                if not await self._turn(await self._arrivals.get()):
                    return None
            return self.execution.ended
        finally:
            await self._stop()

    async def _turn(self, arrival: _Arrival) -> bool:
        execution, made = self.execution, len(self.execution.steps)
        arrived = Arrived(arrival.number, arrival.outcome, self._now(arrival.number))
        execution.deliver(arrived)
        steps = execution.steps[made:]
        turn = Turn(
            self.instance_id,
            execution.arrivals,
            arrived,
            arrival.value,
            arrival.event,
            steps,
            execution.ended,
        )
        if not await self._workshop.journal.turn(turn):
            return False
        if execution.ended is None:
            self.launch(steps, {})
        return True

    def _now(self, number: int) -> datetime:
        """The time of a turn: never before the one before it, nor before the timer that it answers."""
        due = self.execution.steps[number - 1].due
        now = max(self._workshop.clock(), self.execution.now)
        return now if due is None else max(now, due)

    def _match(self, name: str) -> None:
        waits, inbox = self._waits.get(name), self._inbox.get(name)
        while waits and inbox:
            event = inbox.popleft()
            value = decode(event.data)
            self._arrivals.put_nowait(_Arrival(waits.popleft(), Outcome(value), event.data, event.id))

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _sleep(self, step: Step) -> None:
        due = step.due or self.execution.now
        left_s = (due - self._workshop.clock()).total_seconds()
        while left_s > 0:
            await asyncio.sleep(min(left_s, NAP_SECONDS))
            left_s = (due - self._workshop.clock()).total_seconds()
        self._arrivals.put_nowait(_Arrival(step.number, Outcome(), None))

    async def _act(self, step: Step, attempt: int) -> None:
        async with self._workshop.slots:
            arrival = await self._done(step, ActivityContext(self.instance_id, step.number, attempt))
        self._arrivals.put_nowait(arrival)

    async def _done(self, step: Step, context: ActivityContext) -> _Arrival:
        activity = self._workshop.activities.get(step.name)
        if activity is None:
            return _failed(
                step, f"no activity {step.name!r} is registered here; register it before `resume`", "KeyError"
            )
        try:
            value = encode(await activity(context, decode(step.input)), f"result of activity {step.name!r}")
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return _failed(step, f"activity {step.name!r} cancelled itself", "CancelledError")
        except AgentRAGError as error:
            log.warning(
                "activity.failed", activity=step.name, key=context.key, attempt=context.attempt, code=error.code
            )
            return _failed(step, str(error), type(error).__name__)
        except Exception as error:  # the workflow decides what an activity's failure means
            log.exception("activity.failed", activity=step.name, key=context.key, attempt=context.attempt)
            return _failed(step, f"{type(error).__name__}: {error}", type(error).__name__)
        return _Arrival(step.number, Outcome(decode(value)), value)

    async def _stop(self) -> None:
        """Cancel what is still at work and wait for it to end, within bounds."""
        for task in self._at_work:
            task.cancel()
        if self._at_work:
            _, left = await asyncio.wait(set(self._at_work), timeout=STOP_SECONDS)
            for task in left:
                log.error("activity.unstoppable", key=task.get_name(), waited_s=STOP_SECONDS)
        self.execution.abandon()


def _failed(step: Step, message: str, kind: str) -> _Arrival:
    return _Arrival(step.number, Outcome(error=message[:MESSAGE_CHARS], kind=kind), None)
