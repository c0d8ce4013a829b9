"""The contract of durable work: a workflow is one generator that yields its steps; every result is journaled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

Json = Mapping[str, Any]
WorkflowStatus = Literal["running", "completed", "failed", "cancelled"]

PAYLOAD_BYTES = 64 * 1024
"""Largest input or result of a workflow or activity: ids travel, passages do not."""


class Task(Protocol):
    """A step that a workflow has yielded and waits for."""


class WorkflowContext(Protocol):
    """What a workflow may use; nothing else (no clock, no randomness, no I/O), so that a replay takes the same way."""

    @property
    def instance_id(self) -> str:
        """Names this run of the workflow."""

    @property
    def now(self) -> datetime:
        """The journaled time of the current step."""

    def call_activity(self, name: str, input: Json) -> Task:
        """Do something in the world; the yield gives its result. A crash repeats only what was cut off."""

    def timer(self, delay: timedelta) -> Task:
        """Wait; the yield gives None."""

    def wait_event(self, name: str) -> Task:
        """Wait for `signal`; the yield gives its data."""


@dataclass(frozen=True)
class ActivityContext:
    """Which step of which run this is. A repeat after a crash has the same `key` and the next `attempt` (from 1)."""

    instance_id: str
    step: int
    attempt: int

    @property
    def key(self) -> str:
        """Idempotency key of the step."""
        return f"{self.instance_id}:{self.step}"


Workflow = Callable[[WorkflowContext, Json], Generator[Task, Any, Json]]
Activity = Callable[[ActivityContext, Json], Awaitable[Json]]


@dataclass(frozen=True)
class WorkflowState:
    """How a run stands. `result` is set when completed, `error` (a message) when failed."""

    instance_id: str
    workflow: str
    status: WorkflowStatus
    result: Json | None = None
    error: str | None = None


class Durable(Protocol):
    """Runs workflows. At least once for activities, exactly once for their journaled results."""

    def register(self, workflows: Mapping[str, Workflow], activities: Mapping[str, Activity]) -> None:
        """Name what can be run; before `resume`."""

    async def resume(self) -> int:
        """Go on with every run that a crash cut off; return how many."""

    async def start(self, workflow: str, instance_id: str, input: Json) -> None:
        """Begin a run; an instance id that exists already is left alone."""

    async def wait(self, instance_id: str) -> WorkflowState:
        """Return when the run has ended. Raises NotFoundError."""

    async def state(self, instance_id: str) -> WorkflowState | None:
        """How a run stands."""

    async def signal(self, instance_id: str, name: str, data: Json) -> None:
        """Give an event to a run, now or before it waits for it."""

    async def cancel(self, instance_id: str) -> bool:
        """End a run; its activity in flight is cancelled. False when it had already ended."""

    async def ping(self) -> None:
        """Return when the engine works."""

    async def close(self) -> None:
        """Stop without ending the runs; they go on at the next `resume`."""
