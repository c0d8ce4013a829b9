"""MCP clients of commands: the protocol's own client over the pipes of a real process, in either era."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from tests.processes import AGENTRAG

Era = Literal["legacy", "auto"]
"""`auto` takes the newest revision that both ends know."""
REVISIONS = {"legacy": "2025-11-25", "auto": "2026-07-28"}
SECONDS = 90.0


def spoken_to(era: Era, *command: str, **more: object) -> Client:
    """A client of `agentrag COMMAND...`; not connected yet."""
    started = StdioServerParameters(command=AGENTRAG, args=list(command), env=dict(os.environ))
    return Client(stdio_client(started), mode=era, read_timeout_seconds=SECONDS, **more)  # type: ignore[arg-type]


@asynccontextmanager
async def piped(*command: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`agentrag COMMAND...` with its pipes in the test's hands."""
    process = await asyncio.create_subprocess_exec(
        AGENTRAG,
        *command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        limit=2**24,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
