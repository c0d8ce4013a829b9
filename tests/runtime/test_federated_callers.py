"""Who calls through a federated endpoint, and in what time, is known at the agent: never mixed, never forgotten."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from fastmcp.server.dependencies import get_context, get_http_request
from mcp import MCPError
from starlette.requests import Request

from runtime.caller import LOCAL_TENANT, Caller
from runtime.settings import Settings
from schemas.message import TenantId
from schemas.skills import READ_DOCUMENTS, SCOPES
from tests.federating import ToyFederation
from tests.toy import Toy

ERAS = pytest.mark.parametrize("era", ["2026-07-28", "legacy"])
USERS, CALLS, AT_ONCE = 12, 50, 8
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.fixture
def federation(tmp_path: Path) -> ToyFederation:
    return ToyFederation(Settings(data=tmp_path, auth="internal"))


@ERAS
@pytest.mark.timeout(400)
async def test_twelve_users_calling_at_once_each_get_what_is_theirs(federation: ToyFederation, era: str) -> None:
    users = [Caller(TenantId(f"tenant{number}"), f"user{number}", "member", SCOPES) for number in range(USERS)]
    gate = asyncio.Semaphore(USERS * AT_ONCE)

    async def call(client: Client[Any], user: Caller, number: int) -> None:
        async with gate:
            tool, words = random.choice(["toy_say", "toy_work"]), f"{user.principal} call {number}"
            found = await client.call_tool(tool, {"query": words, "times": 1 if tool == "toy_say" else 3})
        said = found.structured_content
        assert (said["text"], said["tenant"], said["principal"]) == (words, user.tenant, user.principal)

    async with federation.running() as (_, methods), AsyncExitStack() as stack:
        calls = []
        for user in users:
            token = federation.keyring.mint(user, "host")
            client = await stack.enter_async_context(Client(federation.url, mode=era, auth=token))
            calls += [(client, user, number) for number in range(CALLS)]
        random.shuffle(calls)
        await asyncio.gather(*(call(*one) for one in calls))
    assert methods == ["tools/call"] * USERS * CALLS


@ERAS
async def test_nobody_gets_in_without_a_token_nor_further_than_its_scopes(federation: ToyFederation, era: str) -> None:
    reader = Caller(LOCAL_TENANT, "reader", "viewer", READ_DOCUMENTS)
    async with federation.running() as (_, methods):
        async with Client(federation.url, mode=era, auth=federation.keyring.mint(reader, "host")) as client:
            refused = await client.call_tool("toy_report", {"query": "x"}, raise_on_error=False)
            thing = await client.read_resource("thing://toy/hammer")
        for_another = federation.keyring.mint(reader, "toy")
        methods.clear()
        with pytest.raises((MCPError, RuntimeError)):
            async with Client(federation.url, mode=era, auth=for_another) as client:
                await client.call_tool("toy_say", {"query": "x"})
    assert refused.meta["agentrag/problem"]["code"] == "auth.forbidden"
    assert '"tenant":"local"' in thing[0].text
    assert methods == []


async def test_a_host_that_the_agent_does_not_trust_is_told_so(federation: ToyFederation, tmp_path: Path) -> None:
    stranger = Toy(Settings(data=tmp_path / "other", auth="internal"))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(federation.agent(stranger))
        assert not await federation.federated.heed("toy", "first", is_up=True)


async def test_a_deadline_holds_at_the_agent(federation: ToyFederation) -> None:
    hurried = Caller(LOCAL_TENANT, "owner", "admin", SCOPES).within(1.0)
    async with federation.running() as (toy, _):
        async with Client(federation.url, auth=federation.keyring.mint(hurried, "host")) as client:
            found = await client.call_tool("toy_sing", {"query": "la", "times": 1000}, raise_on_error=False)
        await asyncio.wait_for(toy.stopped.wait(), 20)
    assert found.is_error
    assert found.meta["agentrag/problem"]["code"] == "deadline"


async def test_leaving_stops_the_agents_work(federation: ToyFederation) -> None:
    token = federation.keyring.mint(Caller(LOCAL_TENANT, "owner", "admin", SCOPES), "host")
    async with federation.running() as (toy, _), Client(federation.url, mode="2026-07-28", auth=token) as client:
        singing = asyncio.create_task(client.call_tool("toy_sing", {"query": "la", "times": 1000}))
        await asyncio.wait_for(toy.begun.wait(), 20)
        singing.cancel()
        await asyncio.wait_for(toy.stopped.wait(), 20)


@ERAS
async def test_trace_and_own_metadata_go_along(federation: ToyFederation, era: str) -> None:
    toy, heard = Toy(federation.settings), {}

    @toy.agent.mcp.tool
    async def listen(word: str) -> dict[str, str]:
        """Tell what came with the call."""
        request: Request = get_http_request()
        context = get_context().request_context
        assert context is not None
        heard.update(header=request.headers.get("traceparent"), meta=context.meta)
        return {"word": word}

    owner = Caller(LOCAL_TENANT, "owner", "admin", SCOPES)
    token = federation.keyring.mint(owner, "host")
    async with federation.running(toy):
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "Authorization": f"Bearer {token}"}
        async with Client(StreamableHttpTransport(federation.url, headers=headers), mode=era) as client:
            await client.call_tool("toy_listen", {"word": "x"}, meta={"example.org/own": "kept"})
    assert TRACE in heard["header"]
    assert TRACE in heard["meta"]["traceparent"]
    assert heard["meta"]["example.org/own"] == "kept"
