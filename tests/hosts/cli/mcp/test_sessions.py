"""Servers that keep sessions, as those of older revisions do: cancels, questions back, restarts, news."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from fastmcp import Context, FastMCP
from mcp_types import ElicitResult

from tests.processes import free_port
from tests.serving import serving
from tests.stdio import SECONDS, piped, spoken_to


class Keeper:
    """A server with sessions, and what happened to it."""

    def __init__(self) -> None:
        self.begun, self.stopped = asyncio.Event(), asyncio.Event()
        self.mcp: FastMCP[None] = FastMCP("keeper")

        @self.mcp.tool
        async def wait() -> str:
            """Wait to be stopped."""
            self.begun.set()
            try:
                await asyncio.sleep(SECONDS)
            except asyncio.CancelledError:
                self.stopped.set()
                raise
            return "waited"

        @self.mcp.tool
        async def greet(context: Context) -> str:
            """Ask who is there."""
            answer = await context.elicit("Who is there?", response_type=str)
            return f"hello {getattr(answer, 'data', 'nobody')}"

        @self.mcp.tool
        async def grow(context: Context) -> str:
            """Get another tool, of which the server tells by itself."""
            self.mcp.tool(lambda: "new", name="fresh")
            return "grown"

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[str]:
        async with serving(self.mcp.http_app(path="/mcp", stateless_http=False), port) as base_url:
            yield f"{base_url}/mcp"


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


async def test_a_cancel_reaches_the_work(keeper: Keeper) -> None:
    async with keeper.served() as url, spoken_to("legacy", "mcp", "bridge", url) as client:
        waiting = asyncio.create_task(client.call_tool("wait"))
        await asyncio.wait_for(keeper.begun.wait(), SECONDS)
        waiting.cancel()
        await asyncio.wait_for(keeper.stopped.wait(), SECONDS)
        assert (await client.list_tools()).tools


async def test_a_question_of_the_server_is_answered_by_the_client(keeper: Keeper) -> None:
    async def answer(_: object, __: object) -> ElicitResult:
        return ElicitResult(action="accept", content={"value": "Ada"})

    async with (
        keeper.served() as url,
        spoken_to("legacy", "mcp", "bridge", url, elicitation_callback=answer) as client,
    ):
        said = await client.call_tool("greet")
    assert said.content[0].text == "hello Ada"


async def test_a_session_that_a_restart_ended_is_begun_again_unseen(keeper: Keeper) -> None:
    port = free_port()
    async with AsyncExitStack() as first:
        url = await first.enter_async_context(keeper.served(port))
        async with spoken_to("legacy", "mcp", "bridge", url) as client:
            assert (await client.list_tools()).tools
            await first.aclose()
            async with Keeper().served(port):
                found = await asyncio.gather(*(client.call_tool("grow") for _ in range(3)))
    assert [one.content[0].text for one in found] == ["grown"] * 3


async def test_the_session_ends_with_the_client(keeper: Keeper) -> None:
    from tests.hosts.cli.mcp.test_bridge import HELLO, lines

    async with keeper.served() as url:
        async with piped("mcp", "bridge", url) as process:
            hello = lines({"id": 0, "method": "initialize", "params": HELLO}, {"method": "notifications/initialized"})
            await asyncio.wait_for(process.communicate(hello), SECONDS)
        assert process.returncode == 0
