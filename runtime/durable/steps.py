"""What a workflow yields: single steps, or several at once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runtime.durable.contract import Task
from runtime.errors import AgentRAGError, InvalidInputError

MESSAGE_CHARS = 4000
"""Most of an error message that is journaled."""


class ActivityError(AgentRAGError):
    """An activity failed; raised where the workflow yielded it. `kind` is the class name of the activity's error."""

    code, title = "activity.failed", "Activity failed"

    def __init__(self, message: str, kind: str = "Exception") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Step:
    """One thing that a workflow waits for; `number` counts the steps of a run from 1, in the order of their making.

    `input` is the canonical JSON of an activity's input; `due` is when a timer ends.
    """

    number: int
    kind: Literal["activity", "timer", "event"]
    name: str = ""
    input: str = "null"
    due: datetime | None = None

    def __str__(self) -> str:
        if self.due is not None:
            return f"a timer until {self.due.isoformat()}"
        if self.kind == "event":
            return f"a wait for event {self.name!r}"
        return f"activity {self.name!r} with input {hashlib.sha256(self.input.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class AllOf:
    """Every one of some tasks."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class AnyOf:
    """The first of some tasks to end."""

    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Outcome:
    """How a step ended: with a value, or with an error."""

    value: Any = None
    error: str | None = None
    kind: str = ""


def when_all(tasks: Iterable[Task]) -> Task:
    """Wait for all; the yield gives the list of their results. The first to fail raises its ActivityError."""
    return AllOf(tuple(tasks))


def when_any(tasks: Iterable[Task]) -> Task:
    """Wait for the first to end; the yield gives (its place in `tasks`, its result) or raises its ActivityError.

    The others go on; yield them later, or let them be.
    """
    some = tuple(tasks)
    if not some:
        raise InvalidInputError("when_any of no tasks would wait for ever; give it one")
    return AnyOf(some)
