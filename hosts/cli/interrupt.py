"""Interrupts: what Ctrl-C and an end signal do while a command runs, and that a second one leaves at once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from types import FrameType

from hosts.cli.commands import INTERRUPTED

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SAME_PRESS_SECONDS = 0.3
"""Signals this close together are one: a terminal and a wrapper such as `timeout` both deliver it."""
SHOW_CURSOR = "\033[?25h"


class Heard(Enum):
    """What an interrupt is, after those before it."""

    FIRST = auto()
    SAME = auto()
    AGAIN = auto()


@dataclass
class _Interrupts:
    """What this process has heard, over all nested contexts."""

    depth: int = 0
    first_at: float | None = None

    def hear(self) -> Heard:
        """Note an interrupt."""
        now = time.monotonic()
        if self.first_at is None:
            self.first_at = now
            return Heard.FIRST
        return Heard.AGAIN if now - self.first_at > SAME_PRESS_SECONDS else Heard.SAME


_heard = _Interrupts()


def leave_at_once() -> None:
    """End this process without clean-up; what runs in it survives that as it survives a crash."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), SHOW_CURSOR.encode())  # a moving bar had hidden it
    os._exit(INTERRUPTED)


def _ending(act: Callable[[], object]) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\nEnding; Ctrl-C again leaves at once.\n")
    act()


@contextmanager
def on_interrupt(act: Callable[[], object]) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM calls `act` in the running loop; another one ends the process.

    Must be entered in the main thread. A server in this process sets handlers of its own as it starts and gives these
    back as it ends, so a command that runs one enters this before and after that.
    """
    loop = asyncio.get_running_loop()

    def hear(_: int, __: FrameType | None) -> None:
        match _heard.hear():
            case Heard.FIRST:
                loop.call_soon_threadsafe(_ending, act)
            case Heard.AGAIN:
                leave_at_once()

    before = {number: signal.signal(number, hear) for number in SIGNALS}
    _heard.depth += 1
    try:
        yield
    finally:
        _heard.depth -= 1
        is_ending = _heard.first_at is not None and _heard.depth > 0
        for number, handler in before.items():
            signal.signal(number, hear if is_ending else handler)
        if _heard.depth == 0:
            _heard.first_at = None


@contextmanager
def cancelled_by_interrupt() -> Iterator[None]:
    """Ctrl-C and SIGTERM cancel the task that entered this, so that its clean-up runs."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("there is no task here; enter this inside a coroutine")
    with on_interrupt(task.cancel):
        yield
