"""`agentrag mcp stdio`: the whole federation as one MCP server over standard input and output."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx

from hosts.cli.console import Console, Exit
from hosts.cli.federation import settings_of
from hosts.cli.interrupt import cancelled_by_interrupt, on_interrupt
from hosts.cli.options import Data
from runtime.errors import AgentRAGError, AgentUnavailableError, FolderInUseError
from runtime.federation import FolderLock, reached
from runtime.settings import Settings

START_SECONDS = 60.0
"""How long a request waits for agents that are being started, here or by somebody else."""
RETRY_SECONDS = 0.2
REMEDY = "end the process that owns the data folder or start `agentrag up` again"


class LocalFederation:
    """The federation of a data folder as a place that lasts: found, or run here when nobody else runs it any more.

    Clients start a process each. The first one runs the agents, the others use those, and when it ends one of them
    takes over.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._found: asyncio.Task[str] | None = None
        self._held = AsyncExitStack()
        self._owner = asyncio.current_task()

    async def address(self) -> str:
        """The URL of the host's MCP endpoint. Raises AgentRAGError when the agents do not start; then try again."""
        found = self._found = self._found or asyncio.create_task(self._start())
        try:
            return await asyncio.shield(found)
        except AgentRAGError:
            if self._found is found:
                self._found = None
            raise

    async def lost(self, address: str) -> None:
        """Look for the federation again if it was found at `address`."""
        found = self._found
        if found is not None and found.done() and not found.exception() and found.result() == address:
            held, self._found, self._held = self._held, None, AsyncExitStack()
            await held.aclose()

    async def close(self) -> None:
        """End the federation if it runs here."""
        if self._found is not None:
            self._found.cancel()
            await asyncio.wait([self._found])
        await self._held.aclose()

    async def _start(self) -> str:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                base_url = await self._held.enter_async_context(reached(self._settings))
            except FolderInUseError:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # somebody else is faster; its address will be known in a moment
            except httpx.TransportError as error:
                raise AgentUnavailableError("the agents ended while they were starting; see the log") from error
            else:
                if self._owner is not None:  # a server has set handlers of its own
                    self._held.enter_context(on_interrupt(self._owner.cancel))
                return f"{base_url}/mcp"


async def stdio(*, data: Data = None) -> Exit:
    """Serve the host's MCP endpoint over standard input and output; logs go to stderr."""
    from hosts.cli.mcp.channel import Channel
    from hosts.cli.mcp.pipe import Pipe
    from hosts.cli.mcp.relay import Relay
    from runtime import telemetry

    settings = settings_of(data, quiet=True)
    telemetry.configure("agentrag", settings)
    if FolderLock(settings.data).address() is None:
        Console().say("Starting the agents; `agentrag up` in a terminal keeps them running for all clients.")
    with cancelled_by_interrupt(), Pipe.standard() as pipe:
        place = LocalFederation(settings)
        try:
            async with Channel.to(place, patience=START_SECONDS, remedy=REMEDY, headers={}, is_near=True) as channel:
                await Relay(pipe, channel).run()
        except asyncio.CancelledError:
            pass  # the way to end a server
        finally:
            await place.close()
    return Exit.OK
