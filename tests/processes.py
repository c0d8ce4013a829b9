"""Real processes for tests: start them, wait until they answer, end only them."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

AGENTRAG = str(Path(sys.executable).with_name("agentrag"))


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Process:
    """One child process with its output in a file."""

    def __init__(self, child: asyncio.subprocess.Process, output: Path) -> None:
        self.child = child
        self.output = output

    @classmethod
    async def start(cls, *command: str, output: Path, **env: str) -> Process:
        """Start a command; its environment is this one's and `env`."""
        with output.open("ab") as file:
            child = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, env={**os.environ, **env}
            )
        return cls(child, output)

    async def answers(self, url: str, seconds: float = 120.0) -> None:
        """Return once `url` answers 200; fails with the output when the process ends or the time is up."""
        until = time.monotonic() + seconds
        async with httpx.AsyncClient(trust_env=False) as http:
            while time.monotonic() < until:
                assert self.child.returncode is None, f"it ended:\n{self.output.read_text()[-3000:]}"
                try:
                    if (await http.get(url, timeout=2)).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        raise AssertionError(f"{url} did not answer in {seconds} s:\n{self.output.read_text()[-3000:]}")

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.child.returncode is None:
            self.child.kill()
        await self.child.wait()

    async def stop(self) -> None:
        """End it as an operator would."""
        if self.child.returncode is None:
            self.child.terminate()
        try:
            await asyncio.wait_for(self.child.wait(), 15)
        except TimeoutError:
            await self.kill()


@asynccontextmanager
async def process(*command: str, output: Path, **env: str) -> AsyncIterator[Process]:
    """A process for as long as the context is open."""
    started = await Process.start(*command, output=output, **env)
    try:
        yield started
    finally:
        await started.kill()
