"""How long the event loop keeps everybody waiting: a heartbeat whose gaps are the metric `event_loop_gap_seconds`.

A call that blocks the loop, and a thread that keeps the interpreter to itself, both delay the next beat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from prometheus_client import Histogram

BEAT_SECONDS = 0.02
"""From beat to beat of an idle loop, which costs some 0.2 % of a core."""

GAPS = Histogram(
    "event_loop_gap_seconds",
    f"Time between two beats of the event loop; {BEAT_SECONDS:g} s when it is idle",
    buckets=(0.021, 0.025, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5),
)


class _Heart:
    """Beats in one loop for as many as asked for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._holders = 0
        self._last = 0.0
        self._next: asyncio.TimerHandle | None = None

    def hold(self) -> None:
        self._holders += 1
        if self._next is None:
            self._last = self._loop.time()
            self._next = self._loop.call_later(BEAT_SECONDS, self._beat)

    def let_go(self) -> None:
        self._holders -= 1
        if self._holders == 0 and self._next is not None:
            self._next.cancel()
            self._next = None

    def _beat(self) -> None:
        now = self._loop.time()
        GAPS.observe(now - self._last)
        self._last = now
        self._next = self._loop.call_later(BEAT_SECONDS, self._beat)


_HEARTS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Heart] = WeakKeyDictionary()


@contextmanager
def beating() -> Iterator[None]:
    """Measure the gaps of the running loop meanwhile; agents that share a loop share its heartbeat."""
    loop = asyncio.get_running_loop()
    heart = _HEARTS.get(loop) or _HEARTS.setdefault(loop, _Heart(loop))
    heart.hold()
    try:
        yield
    finally:
        heart.let_go()
