"""Ctrl-C: the first one ends the work in order, the second one ends the process."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys

from hosts.cli.interrupt import SAME_PRESS_SECONDS, SHOW_CURSOR

SECONDS = 60
STUBBORN = """
import asyncio
from hosts.cli.interrupt import cancelled_by_interrupt, on_interrupt

async def work():
    with cancelled_by_interrupt():
        with on_interrupt(lambda: print("heard", flush=True)):
            print("working", flush=True)
            await asyncio.sleep(60)

asyncio.run(work())
"""


async def begun(**streams: int) -> asyncio.subprocess.Process:
    """Work that hears an interrupt and goes on."""
    return await asyncio.create_subprocess_exec(sys.executable, "-c", STUBBORN, stdout=subprocess.PIPE, **streams)


async def line_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def test_a_second_ctrl_c_leaves_at_once() -> None:
    process = await begun()
    async with asyncio.timeout(SECONDS):
        assert await line_of(process) == "working"
        process.send_signal(signal.SIGINT)
        assert await line_of(process) == "heard"
        await asyncio.sleep(SAME_PRESS_SECONDS + 0.1)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


async def test_one_press_that_is_delivered_twice_counts_once() -> None:
    process = await begun()
    async with asyncio.timeout(SECONDS):
        assert await line_of(process) == "working"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert await line_of(process) == "heard"
        await asyncio.sleep(SAME_PRESS_SECONDS + 0.1)
        process.send_signal(signal.SIGTERM)
        rest, _ = await process.communicate()
    assert (process.returncode, rest) == (130, b"")


async def test_a_terminal_is_told_and_gets_its_cursor_back() -> None:
    ours, theirs = pty.openpty()
    process = await begun(stderr=theirs)
    os.close(theirs)
    async with asyncio.timeout(SECONDS):
        assert await line_of(process) == "working"
        process.send_signal(signal.SIGINT)
        assert await line_of(process) == "heard"
        await asyncio.sleep(SAME_PRESS_SECONDS + 0.1)
        process.send_signal(signal.SIGINT)
        await process.wait()
    told = os.read(ours, 1000).decode()
    os.close(ours)
    assert "Ending; Ctrl-C again leaves at once." in told
    assert told.endswith(SHOW_CURSOR)
