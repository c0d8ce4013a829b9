"""Agents that go away, come back, or misbehave, as a federated endpoint tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from fastmcp import Client
from mcp import MCPError

from hosts.orchestrator.discovery import Directory, KnownAgent
from runtime.auth import Keyring
from runtime.caller import Caller
from runtime.errors import AgentUnavailableError, DeadlineError
from runtime.passed import UNAVAILABLE
from runtime.relay import Relay
from runtime.settings import Settings
from schemas.report import AgentHealth
from tests.federating import ToyFederation
from tests.serving import serving
from tests.toy import Toy

ERAS = pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
OWNER = Caller.owner()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def federation(settings: Settings) -> ToyFederation:
    return ToyFederation(settings)


@ERAS
async def test_tools_of_an_agent_that_is_down_stay_listed_marked_and_say_why(
    federation: ToyFederation, era: str
) -> None:
    async with AsyncExitStack() as stack:
        federation.url = await stack.enter_async_context(serving(federation.host.app())) + "/mcp"
        stack.callback(federation.relay.close)
        async with federation.agent():
            assert await federation.federated.heed("toy", "first", is_up=True)
        await federation.federated.heed("toy", "", is_up=False)
        async with Client(federation.url, mode=era) as client:
            tools = {tool.name: tool for tool in await client.list_tools()}
            called = await client.call_tool("toy_say", {"query": "x"}, raise_on_error=False)
            with pytest.raises(MCPError, match="toy cannot be reached"):
                await client.read_resource("thing://toy/hammer")
            with pytest.raises(MCPError, match="toy cannot be reached"):
                await client.get_prompt("toy_phr-002-synthesis", {})
            (template,) = await client.list_resource_templates()
            (prompt,) = await client.list_prompts()
    assert tools["toy_say"].description == "(unavailable: the agent toy is down) Say it again."
    assert tools["toy_say"].meta[UNAVAILABLE] == "the agent toy is down"
    assert template.description.startswith("(unavailable: ")
    assert prompt.description.startswith("(unavailable: ")
    assert called.is_error
    assert called.meta["agentrag/problem"]["code"] == "agent.unavailable"
    assert called.meta["agentrag/problem"]["retryable"]
    assert "toy cannot be reached" in called.content[0].text
    assert federation.lost == ["toy"] * 3


@ERAS
async def test_the_next_call_after_an_agents_restart_works(federation: ToyFederation, era: str) -> None:
    async with AsyncExitStack() as stack:
        federation.url = await stack.enter_async_context(serving(federation.host.app())) + "/mcp"
        stack.callback(federation.relay.close)
        client: Client[object] = await stack.enter_async_context(Client(federation.url, mode=era))
        for number in range(3):
            async with federation.agent():
                if number == 0:
                    assert await federation.federated.heed("toy", "first", is_up=True)
                said = await client.call_tool("toy_say", {"query": f"start {number}"})
                assert said.structured_content["text"] == f"start {number}"
        gone = await client.call_tool("toy_say", {"query": "x"}, raise_on_error=False)
        assert gone.is_error
        async with federation.agent():
            assert not (await client.call_tool("toy_say", {"query": "x"})).is_error


async def test_lists_are_read_anew_for_a_new_card_and_after_a_return_only(federation: ToyFederation) -> None:
    async with federation.running() as (_, methods):
        heed = federation.federated.heed
        assert await heed("toy", "first", is_up=True)
        assert methods == []
        assert await heed("toy", "second", is_up=True)
        assert len(methods) == 4
        await heed("toy", "", is_up=False)
        methods.clear()
        assert await heed("toy", "second", is_up=True)
        assert len(methods) == 4


async def test_lists_that_cannot_be_read_stay_as_they_were(federation: ToyFederation) -> None:
    async with AsyncExitStack() as stack:
        async with federation.agent():
            assert await federation.federated.heed("toy", "first", is_up=True)
        assert not await federation.federated.heed("toy", "second", is_up=True)
        async with Client(federation.host.mcp) as client:
            assert "toy_say" in {tool.name for tool in await client.list_tools()}
        stack.callback(federation.relay.close)


# agents that misbehave


@asynccontextmanager
async def answering(answer: bytes | None) -> AsyncIterator[str]:
    """A server that gives every request the same bytes, or none at all."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer is None:
            await asyncio.sleep(30)
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def http(status: str, kind: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("500 Internal Server Error", "text/plain", "oh"), "answers with status 500"),
        (http("200 OK", "application/json", "{nonsense"), "answers with status 200"),
        (http("200 OK", "text/event-stream", ": ping\n\n"), "ended its answer too early"),
        (
            http("200 OK", "application/json", '{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required"}}'),
            "asks for more input",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{", "cannot be reached"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_an_agent_that_is_unavailable(
    settings: Settings, answer: bytes, words: str
) -> None:
    async with answering(answer) as url:
        relay = Relay(lambda name: url, Keyring.of(settings))
        with pytest.raises(AgentUnavailableError, match=words):
            await relay.send("toy", "tools/list", {}, OWNER)
        relay.close()


async def test_an_agent_that_says_nothing_is_not_waited_for_beyond_the_deadline(settings: Settings) -> None:
    async with answering(None) as url:
        relay = Relay(lambda name: url, Keyring.of(settings))
        with pytest.raises(DeadlineError, match="did not answer in time"):
            await relay.send("toy", "tools/list", {}, OWNER.within(0.5))
        relay.close()


async def test_an_error_of_the_protocol_comes_back_as_one(settings: Settings) -> None:
    body = '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no such thing"}}'
    async with answering(http("400 Bad Request", "application/json", body)) as url:
        relay = Relay(lambda name: url, Keyring.of(settings))
        with pytest.raises(MCPError, match="no such thing"):
            await relay.send("toy", "tools/list", {}, OWNER)
        relay.close()


# discovery


class NoRows:
    """Health rows for nobody."""

    async def put(self, rows: list[AgentHealth]) -> None:
        """Keep nothing."""


async def test_an_agent_that_was_not_reached_is_looked_at_at_once(settings: Settings) -> None:
    toy, seen = Toy(settings), asyncio.Queue[str]()

    async def heed(agent: KnownAgent) -> bool:
        seen.put_nowait(agent.state)
        return True

    async with AsyncExitStack() as stack, asyncio.timeout(60):
        serving_toy = AsyncExitStack()
        url = await serving_toy.enter_async_context(serving(toy.agent.app()))
        directory = Directory({"toy": url}, refresh_seconds=600, recovery_seconds=0.1, degraded_ms=60_000)
        await stack.enter_async_context(directory.watching(NoRows(), heed))  # type: ignore[arg-type]
        assert await seen.get() == "up"
        await serving_toy.aclose()
        directory.doubt("toy")
        directory.doubt("nobody")
        assert await seen.get() == "down"
        async with serving(Toy(settings).agent.app(), int(url.rpartition(":")[2])):
            while await seen.get() != "up":
                pass


async def test_lists_that_were_not_read_are_asked_for_again_soon(settings: Settings) -> None:
    toy, looks = Toy(settings), asyncio.Queue[str]()

    async def heed(agent: KnownAgent) -> bool:
        looks.put_nowait(agent.etag)
        return looks.qsize() > 1

    async with serving(toy.agent.app()) as url, asyncio.timeout(60):
        directory = Directory({"toy": url}, refresh_seconds=600, recovery_seconds=0.1, degraded_ms=60_000)
        async with directory.watching(NoRows(), heed):  # type: ignore[arg-type]
            while looks.qsize() < 2:
                await asyncio.sleep(0.05)
