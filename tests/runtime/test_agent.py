"""The AgentServer: one function, two faces, one wrapper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastmcp import Client

from runtime.auth import Keyring
from runtime.caller import LOCAL_TENANT, Caller
from runtime.client import FederationClient
from runtime.errors import (
    AgentUnavailableError,
    CancelledByUserError,
    DeadlineError,
    ForbiddenError,
    InternalError,
    InvalidInputError,
    NotFoundError,
)
from runtime.settings import Settings
from schemas.message import TenantId
from schemas.skills import READ_DOCUMENTS, SCOPES, Progress, Token
from tests.serving import serving
from tests.toy import CRASH, MISS, REPORT, SAY, SING, WORK, Said, Say, Toy


@pytest.fixture
async def federation(toy: Toy, base_url: str) -> AsyncIterator[FederationClient]:
    client = FederationClient(lambda name: base_url, Keyring.of(toy.agent.settings))
    yield client
    await client.close()


OWNER = Caller.owner("0" * 32)


# MCP, in memory and over HTTP with one body


async def test_a_tool_takes_flat_arguments_and_returns_typed_content(door: object) -> None:
    async with Client(door) as client:
        found = await client.call_tool("say", {"query": "hello", "times": 2})
    assert found.structured_content == {
        "text": "hello hello",
        "tenant": "local",
        "principal": "owner",
        "usage": {"input_tokens": 3, "output_tokens": 2},
        "model": "parrot",
    }
    assert json.loads(found.content[0].text) == found.structured_content


async def test_a_tool_says_what_it_takes_and_gives(door: object) -> None:
    async with Client(door) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
    skills = {"say", "sing", "work", "draw", "miss", "crash", "report"}
    assert set(tools) == skills | {"say_quietly", "report_quietly"}
    assert tools["say"].description == "Say it again."
    assert set(tools["say"].input_schema["properties"]) == {"query", "times"}
    assert tools["say"].output_schema["properties"]["text"] == {"title": "Text", "type": "string"}
    assert tools["say"].annotations.read_only_hint


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "words"),
    [
        ("miss", {"query": "it"}, "not_found", "there is no 'it'"),
        ("say", {"query": "", "times": 0}, "request.invalid", "/times: Input should be greater than or equal to 1"),
        ("say", {"query": "x", "tmies": 1}, "request.invalid", "/tmies: Extra inputs are not permitted"),
        ("crash", {"query": "x"}, "internal", "the log has the reason under trace"),
    ],
)
async def test_an_error_names_its_code_and_leaks_nothing(
    door: object, tool: str, arguments: dict[str, object], code: str, words: str
) -> None:
    async with Client(door) as client:
        found = await client.call_tool(tool, arguments, raise_on_error=False)
    assert found.is_error
    assert found.meta["agentrag/problem"]["code"] == code
    assert words in found.content[0].text
    assert "secret" not in found.content[0].text


async def test_a_picture_travels_as_image_content(door: object) -> None:
    async with Client(door) as client:
        found = await client.call_tool("draw", {"query": "it"})
    assert [block.type for block in found.content] == ["image", "text"]
    assert found.content[0].data == "QUJD"
    assert found.structured_content["picture"]["base64"] == ""


async def test_progress_reaches_an_mcp_client_and_only_grows(door: object) -> None:
    heard: list[tuple[float, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, message))

    async with Client(door) as client:
        await client.call_tool("work", {"query": "x", "times": 3}, progress_handler=hear)
        await client.call_tool("sing", {"query": "la", "times": 5}, progress_handler=hear)
    assert [message for _, message in heard[:3]] == ["step 1/3", "step 2/3", "step 3/3"]
    assert heard[3][1] is not None
    assert heard[3][1].startswith("Writing the answer: ")


async def test_resources_and_prompts_are_served(door: object) -> None:
    async with Client(door) as client:
        read = await client.read_resource("thing://lamp")
        prompt = await client.get_prompt(
            "phr-002-synthesis", {"question": "What about {context}?", "context": "[0] words", "history": ""}
        )
    assert json.loads(read[0].text)["text"] == "lamp"
    assert "What about {context}?" in prompt.messages[0].content.text


async def test_an_older_revision_is_served_on_the_same_endpoint(base_url: str) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "old", "version": "1"},
        },
    }
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "say", "arguments": {"query": "hi"}}}
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers) as http:
        greeted = await http.post(f"{base_url}/mcp", json=hello)
        older = {"MCP-Protocol-Version": "2025-11-25"}
        called = await http.post(f"{base_url}/mcp", json=call, headers=older)
    assert '"protocolVersion":"2025-11-25"' in greeted.text
    assert '"text":"hi"' in called.text


async def test_the_same_agent_serves_stdio(tmp_path: Path) -> None:
    from fastmcp.client.transports import StdioTransport

    from tests.processes import AGENTRAG

    arguments = ["serve", "monitoring", "--transport", "stdio", "--data", str(tmp_path)]
    async with Client(StdioTransport(AGENTRAG, arguments)) as client:
        assert {tool.name for tool in await client.list_tools()} == {"usage", "latency", "health"}
        found = await client.call_tool("usage", {})
    assert found.structured_content["total"]["calls"] == 0


# A2A


async def test_a_typed_call_goes_over_a2a(federation: FederationClient) -> None:
    said = await federation.call(SAY, Say(query="hello", times=2), OWNER)
    assert said.text == "hello hello"
    assert said.usage.output_tokens == 2


async def test_tokens_come_first_and_coalesced_then_the_result(federation: FederationClient) -> None:
    items = [item async for item in federation.stream(SING, Say(query="la", times=60), OWNER)]
    tokens = [item for item in items if isinstance(item, Token)]
    assert "".join(token.content for token in tokens) == "".join(f"la{number} " for number in range(60))
    assert tokens[0].content == "la0 "
    assert len(tokens) < 30
    assert isinstance(items[-1], Said)


async def test_progress_goes_over_a2a_in_order(federation: FederationClient) -> None:
    items = [item async for item in federation.stream(WORK, Say(query="x", times=3), OWNER)]
    assert [item.message for item in items if isinstance(item, Progress)] == ["step 1/3", "step 2/3", "step 3/3"]


async def test_errors_arrive_as_the_class_that_was_raised(federation: FederationClient) -> None:
    with pytest.raises(NotFoundError, match="there is no 'x'"):
        await federation.call(MISS, Say(query="x"), OWNER)
    with pytest.raises(InternalError, match="the log has the reason"):
        await federation.call(CRASH, Say(query="x"), OWNER)


async def test_a_cancel_reaches_the_running_function(toy: Toy, federation: FederationClient) -> None:
    async def listen() -> None:
        async for _ in federation.stream(SING, Say(query="la", times=30_000), OWNER, key="run:2:1"):
            pass

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(10):
        await toy.begun.wait()
        assert await federation.cancel(SING, "run:2:1", OWNER)
        with pytest.raises(CancelledByUserError):
            await listening
        await toy.stopped.wait()
    assert toy.stopped_because == "cancelled"
    assert not await federation.cancel(SING, "run:2:1", OWNER)


async def test_a_function_that_a_closing_process_cuts_off_is_told_so(toy: Toy) -> None:
    async with serving(toy.agent.app()) as url, httpx.AsyncClient(headers={"A2A-Version": "1.0"}) as http:
        song = envelope([{"data": {"query": "la", "times": 1000}}], metadata={"skill": "sing"})
        song["params"]["configuration"] = {"returnImmediately": True}  # type: ignore[index]
        await http.post(f"{url}/a2a", json=song)
        await asyncio.wait_for(toy.begun.wait(), 10)
    assert toy.stopped.is_set()
    assert toy.stopped_because == "closing"


async def test_another_principal_cannot_cancel_a_task(toy: Toy, federation: FederationClient) -> None:
    stranger = Caller(LOCAL_TENANT, "stranger", "member", SCOPES)

    async def listen() -> Said:
        async for item in federation.stream(SING, Say(query="la", times=100), OWNER, key="run:2:2"):
            if isinstance(item, Said):
                return item
        raise AssertionError("no result")

    listening = asyncio.create_task(listen())
    async with asyncio.timeout(10):
        await toy.begun.wait()
        assert not await federation.cancel(SING, "run:2:2", stranger)
        assert (await listening).text == "sung"


async def test_scopes_hold_on_both_faces(federation: FederationClient, base_url: str, toy: Toy) -> None:
    reader = Caller(LOCAL_TENANT, "reader", "viewer", READ_DOCUMENTS)
    with pytest.raises(ForbiddenError, match="reports:read"):
        await federation.call(REPORT, Say(query="x"), reader)
    token = Keyring.of(toy.agent.settings).mint(reader, "toy")
    async with Client(base_url + "/mcp", auth=token) as client:
        found = await client.call_tool("report", {"query": "x"}, raise_on_error=False)
    assert found.is_error
    assert found.meta["agentrag/problem"]["code"] == "auth.forbidden"


async def test_the_tenant_of_the_token_reaches_the_function(federation: FederationClient) -> None:
    elsewhere = Caller(TenantId("acme"), "ann", "member", SCOPES)
    assert (await federation.call(SAY, Say(query="x"), elsewhere)).tenant == "acme"


async def test_a_deadline_travels_with_the_caller(federation: FederationClient) -> None:
    with pytest.raises(DeadlineError):
        async for _ in federation.stream(SING, Say(query="la", times=30_000), OWNER.within(0.3)):
            pass


async def test_an_agent_that_is_away_is_said_to_be(toy: Toy) -> None:
    client = FederationClient(lambda name: "http://127.0.0.1:9", Keyring.of(toy.agent.settings))
    with pytest.raises(AgentUnavailableError, match="toy cannot be reached"):
        await client.call(SAY, Say(query="x"), OWNER)
    await client.close()


def envelope(parts: list[object], **message: object) -> dict[str, object]:
    body = {"role": "ROLE_USER", "messageId": "m1", "parts": parts, **message}
    return {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": body}}


async def test_a_plain_text_message_calls_the_first_skill(base_url: str) -> None:
    async with httpx.AsyncClient(headers={"A2A-Version": "1.0"}) as http:
        answer = (await http.post(f"{base_url}/a2a", json=envelope([{"text": "hello"}]))).json()
        unknown = (await http.post(f"{base_url}/a2a", json=envelope([{"text": "x"}], metadata={"skill": "fly"}))).json()
    assert answer["result"]["message"]["parts"][0]["data"]["text"] == "hello"
    assert "no skill 'fly' here; choose one of say" in unknown["error"]["message"]


async def test_a_tenant_that_is_not_the_callers_is_refused(base_url: str) -> None:
    request = envelope([{"text": "hello"}])
    request["params"]["tenant"] = "acme"  # type: ignore[index]
    async with httpx.AsyncClient(headers={"A2A-Version": "1.0"}) as http:
        answer = (await http.post(f"{base_url}/a2a", json=request)).json()
    assert "tenant 'acme' is not the caller's" in answer["error"]["message"]


# the app


async def test_the_card_names_its_skills_its_mcp_endpoint_and_the_address_it_was_asked_at(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        first = await http.get(f"{base_url}/.well-known/agent-card.json")
        again = await http.get(
            f"{base_url}/.well-known/agent-card.json", headers={"If-None-Match": first.headers["etag"]}
        )
    card = first.json()
    skills = ["say", "sing", "work", "draw", "miss", "crash", "report"]
    assert [skill["id"] for skill in card["skills"]] == skills
    assert card["supportedInterfaces"][0]["url"] == f"{base_url}/a2a"
    extensions = {
        extension["uri"].split(":")[-2]: extension["params"] for extension in card["capabilities"]["extensions"]
    }
    assert extensions["mcp-endpoint"]["url"] == f"{base_url}/mcp"
    assert set(extensions["typed-parts"]["skills"]["say"]) == {"input", "output", "emits"}
    assert again.status_code == 304


async def test_health_says_exactly_what_probes_expect(base_url: str) -> None:
    async with httpx.AsyncClient() as http:
        for path, body in (("live", "alive"), ("ready", "ready"), ("startup", "started")):
            answer = await http.get(f"{base_url}/health/{path}")
            assert (answer.status_code, answer.json()) == (200, {"status": body})


async def test_calls_are_counted_in_metrics_and_usage_rows(toy: Toy, base_url: str) -> None:
    async with Client(base_url + "/mcp") as client:
        await client.call_tool("say", {"query": "x", "times": 4})
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{base_url}/metrics")).text
    assert 'agent_invocations_total{agent="toy",outcome="completed",skill="say"}' in metrics
    assert 'token_usage_total{agent="toy",direction="output",model="parrot"}' in metrics
    await toy.agent.invoker.close()
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    rows = await toy.agent.on.records.usage.totals(LOCAL_TENANT, now - timedelta(hours=1), now, "skill")
    assert [(row.group, row.calls, row.output_tokens) for row in rows] == [("say", 1, 4)]


@pytest.mark.parametrize(
    ("headers", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "https://evil.example"}, 403)]
)
@pytest.mark.parametrize("path", ["/mcp", "/a2a", "/health/live"])
async def test_foreign_hosts_and_origins_are_turned_away(
    base_url: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{base_url}{path}", headers=headers, json={})
    assert answer.status_code == status


async def test_a_trace_goes_through_and_comes_back(base_url: str) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{base_url}/health/live", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    assert answer.headers["x-trace-id"] == trace
    assert trace in answer.headers["traceparent"]


async def test_a_body_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    toy = Toy(Settings(data=tmp_path, max_upload_bytes=2000))

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    async with serving(toy.agent.app()) as url, httpx.AsyncClient() as http:
        declared = await http.post(f"{url}/a2a", content=b" " * 10_000)
        chunked = await http.post(f"{url}/a2a", content=pieces())
        alive = await http.get(f"{url}/health/live")
    assert declared.status_code == 413
    assert declared.headers["content-type"] == "application/problem+json"
    assert "the limit is 3000" in declared.json()["detail"]
    assert chunked.status_code == 413 or "the limit is 3000" in chunked.text
    assert alive.status_code == 200


async def test_a_tool_takes_arguments_of_many_megabytes(base_url: str) -> None:
    words = "word " * 1_200_000
    async with Client(f"{base_url}/mcp") as client:
        found = await client.call_tool("say", {"query": words})
    assert found.structured_content["text"] == words


async def test_internal_auth_lets_only_minted_tokens_in(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, auth="internal")
    toy, keyring = Toy(settings), Keyring.of(settings)
    async with serving(toy.agent.app()) as url, httpx.AsyncClient() as http:
        bare = await http.post(f"{url}/a2a", json={})
        forged = await http.post(f"{url}/a2a", json={}, headers={"Authorization": "Bearer nonsense"})
        wrong = keyring.mint(OWNER, "another")
        misdirected = await http.post(f"{url}/a2a", json={}, headers={"Authorization": f"Bearer {wrong}"})
        federation = FederationClient(lambda name: url, keyring)
        said = await federation.call(SAY, Say(query="x"), OWNER)
        await federation.close()
    assert [bare.status_code, forged.status_code, misdirected.status_code] == [401, 401, 401]
    assert bare.headers["www-authenticate"] == "Bearer"
    assert said.text == "x"


async def test_invalid_input_over_a2a_names_the_field(federation: FederationClient) -> None:
    with pytest.raises(InvalidInputError, match="/query"):
        await federation.call(SAY, Say.model_construct(query="", times=1), OWNER)
