"""How often and when a failed step is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Backoff:
    """A schedule of waits between attempts, each `factor` times the one before."""

    attempts: int
    first_seconds: float
    factor: float = 2.0

    def waits(self) -> list[float]:
        """Seconds before the second, third, ... attempt."""
        return [self.first_seconds * self.factor**number for number in range(self.attempts - 1)]


async def retried(work: Callable[[], Awaitable[T]], backoff: Backoff, retry_on: type[Exception]) -> T:
    """Do idempotent work, again after each wait while it raises `retry_on`; the last error goes to the caller."""
    for wait in backoff.waits():
        try:
            return await work()
        except retry_on:
            await asyncio.sleep(wait)
    return await work()
