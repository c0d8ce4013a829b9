"""Interrupts: what Ctrl-C and an end signal do while a command runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(act: Callable[[], object]) -> Iterator[None]:
    """Ctrl-C and SIGTERM call `act` in the running loop, and do nothing else while this lasts.

    Must be entered in the main thread. A server in this process sets handlers of its own as it starts and gives these
    back as it ends, so a command that runs one enters this before and after that.
    """
    loop = asyncio.get_running_loop()

    def heard(_: int, __: FrameType | None) -> None:
        loop.call_soon_threadsafe(act)

    before = {number: signal.signal(number, heard) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def cancelled_by_interrupt() -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the task that entered this, so that its clean-up runs."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("there is no task here; enter this inside a coroutine")
    with on_interrupt(task.cancel):
        yield
