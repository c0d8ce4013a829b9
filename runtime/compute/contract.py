"""The contract of compute: functions in threads, and child processes with limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Frame = Mapping[str, Any]


@dataclass(frozen=True)
class Limits:
    """What a child may use: address space, processor time, and time on the clock for one request."""

    memory_mb: int = 1024
    cpu_seconds: int = 600
    wall_seconds: float = 600.0


class Child(Protocol):
    """A child process that answers requests one at a time. It starts at the first request and after every death."""

    def ask(self, request: Frame) -> AsyncIterator[Frame]:
        """Send a request and yield its replies until the child says that it is done.

        Leaving the iterator early ends the child. Raises: ChildError when the child dies, runs out of a limit or
        raises; its message says which.
        """

    async def close(self) -> None:
        """End the process."""


class Compute(Protocol):
    """Runs functions and children."""

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Call a function in a thread."""

    def child(self, module: str, limits: Limits) -> Child:
        """A child process that runs `python -m module`, whose main calls `runtime.compute.worker.serve(handler)`."""

    async def ping(self) -> None:
        """Return when work can run."""

    async def close(self) -> None:
        """End all children and threads."""
