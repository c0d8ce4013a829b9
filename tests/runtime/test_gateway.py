"""The short way and the long way through a federated endpoint lead to the same answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastmcp.server.dependencies import get_context, get_http_request
from mcp_types import ResourceLink
from pydantic import Field

from runtime.settings import Settings
from tests.federating import ToyFederation
from tests.serving import serving
from tests.toy import Toy

REVISION = "2026-07-28"
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {},
}
SERVED_BY = "io.modelcontextprotocol/serverInfo"


def headers(tool: str, **other: str) -> dict[str, str]:
    given = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    return given | other


def asking(
    tool: str, arguments: object, *, number: object = 7, meta: dict[str, Any] | None = None, **params: Any
) -> Any:
    given = {"name": tool, "arguments": arguments, "_meta": ENVELOPE | (meta or {}), **params}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": given}


class Painter(Toy):
    """A toy with tools that no skill is behind."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)

        @self.agent.mcp.tool
        async def point(at: str, progress: bool = False) -> ResourceLink:
            """Point at a thing."""
            if progress:
                await get_context().report_progress(1, 1, "pointing")
            return ResourceLink(type="resource_link", uri=f"thing://{at}", name=at)

        @self.agent.mcp.tool
        async def mirror(place: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Place"})]) -> str:
            """Say where."""
            return place

        @self.agent.mcp.tool
        async def trace(word: str) -> str:
            """Say within which trace this is."""
            return get_http_request().headers.get("traceparent", "")


@pytest.fixture
def federation(tmp_path: Path) -> ToyFederation:
    return ToyFederation(Settings(data=tmp_path))


@pytest.fixture
async def http(federation: ToyFederation) -> AsyncIterator[httpx.AsyncClient]:
    async with federation.running(Painter(federation.settings)):
        base = federation.url.removesuffix("/mcp")
        client = httpx.AsyncClient(base_url=base, timeout=60, trust_env=False)
        yield client
        await client.aclose()


def is_passed(answer: httpx.Response) -> bool:
    """Whether it came the short way: the long one says by whom it was served."""
    return SERVED_BY not in answer.json()["result"].get("_meta", {})


@pytest.mark.parametrize(
    ("asked", "short"),
    [
        (asking("toy_say", {"query": "hello"}), True),
        (asking("toy_say", {"query": "hello"}, number="seven"), True),
        (asking("toy_say", {"query": "hello"}, meta={"example.org/own": 1}), True),
        (asking("toy_say", {"query": "hello"}, surplus=1), False),
        (asking("toy_say", {"query": "hello"}, meta={"fastmcp": {}}), False),
    ],
)
async def test_both_ways_give_the_same_result(http: httpx.AsyncClient, asked: Any, short: bool) -> None:
    answer = await http.post("/mcp", json=asked, headers=headers("toy_say"))
    assert answer.status_code == 200
    assert answer.json()["id"] == asked["id"]
    assert answer.json()["result"]["structuredContent"]["text"] == "hello"
    assert answer.headers["content-type"] == "application/json"
    assert "x-trace-id" in answer.headers
    assert is_passed(answer) is short


@pytest.mark.parametrize(
    ("body", "given", "status", "words"),
    [
        (b"{nonsense", headers("toy_say"), 400, "Parse error"),
        (b"[]", headers("toy_say"), 400, "single JSON-RPC request"),
        (json.dumps(asking("toy_sing", {})).encode(), headers("toy_say"), 400, "mcp-name header does not match"),
        (json.dumps(asking("toy_say", {}, number=None)).encode(), headers("toy_say"), 400, "single JSON-RPC request"),
        (json.dumps(asking("toy_say", [])).encode(), headers("toy_say"), 400, ""),
        (json.dumps(asking("toy_say", {})).encode(), headers("toy_say", accept="text/html"), 406, ""),
        (json.dumps(asking("toy_fly", {})).encode(), headers("toy_fly"), 200, "Unknown tool"),
        (json.dumps(asking("toy_say", {"query": ""})).encode(), headers("toy_say"), 200, "/query"),
        (b" " * 200_000_000, headers("toy_say"), 413, "the limit is"),
    ],
)
async def test_what_is_no_plain_call_is_answered_as_the_protocol_wants(
    http: httpx.AsyncClient, body: bytes, given: dict[str, str], status: int, words: str
) -> None:
    answer = await http.post("/mcp", content=body, headers=given)
    assert answer.status_code == status, answer.text
    assert words in answer.text


async def test_arguments_that_travel_in_headers_are_held_against_them_at_both_ends(http: httpx.AsyncClient) -> None:
    asked = asking("toy_mirror", {"place": "home"})
    right = await http.post("/mcp", json=asked, headers=headers("toy_mirror", **{"Mcp-Param-Place": "home"}))
    wrong = await http.post("/mcp", json=asked, headers=headers("toy_mirror", **{"Mcp-Param-Place": "away"}))
    assert right.json()["result"]["content"][0]["text"] == "home"
    assert wrong.status_code == 400


@pytest.mark.parametrize("meta", [{}, {"fastmcp": {}}], ids=["short", "long"])
async def test_a_trace_named_in_the_metadata_is_followed(http: httpx.AsyncClient, meta: dict[str, Any]) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    meta = meta | {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    asked = asking("toy_trace", {"word": "x"}, meta=meta)
    answer = await http.post("/mcp", json=asked, headers=headers("toy_trace"))
    assert trace in answer.json()["result"]["content"][0]["text"]


@pytest.mark.parametrize("meta", [{}, {"fastmcp": {}}], ids=["short", "long"])
@pytest.mark.parametrize("progress", [False, True])
async def test_links_point_to_where_the_federation_serves_them(
    http: httpx.AsyncClient, meta: dict[str, Any], progress: bool
) -> None:
    meta = meta | {"progressToken": "mine"}
    asked = asking("toy_point", {"at": "hammer", "progress": progress}, meta=meta)
    answer = await http.post("/mcp", json=asked, headers=headers("toy_point"))
    messages = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    last = messages[-1] if progress else answer.json()
    assert last["result"]["content"][0]["uri"] == "thing://toy/hammer"
    assert last["id"] == 7
    if progress:
        assert messages[0]["method"] == "notifications/progress"
        assert messages[0]["params"] == {"progressToken": "mine", "progress": 1, "total": 1, "message": "pointing"}


async def test_leaving_before_the_first_word_stops_the_agents_work(federation: ToyFederation) -> None:
    async with federation.running() as (toy, _), httpx.AsyncClient(trust_env=False, timeout=60) as client:
        asked = asking("toy_sing", {"query": "la", "times": 1000})
        waiting = asyncio.create_task(client.post(federation.url, json=asked, headers=headers("toy_sing")))
        await asyncio.wait_for(toy.begun.wait(), 30)
        waiting.cancel()
        await asyncio.wait_for(toy.stopped.wait(), 30)


async def test_an_agent_that_goes_in_the_middle_of_its_answer_is_said_to_be_gone(federation: ToyFederation) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"8\r\n: ping\n\n\r\n")
        await writer.drain()
        writer.close()

    async with AsyncExitStack() as stack:
        async with federation.running():
            pass
        server = await asyncio.start_server(handle, "127.0.0.1", federation.port)
        stack.callback(server.close)
        url = await stack.enter_async_context(serving(federation.host.app()))
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False, timeout=60))
        answer = await client.post(f"{url}/mcp", json=asking("toy_say", {"query": "x"}), headers=headers("toy_say"))
    assert answer.headers["content-type"] == "text/event-stream"
    last = json.loads([line for line in answer.text.splitlines() if line.startswith("data:")][-1][5:])
    assert last["id"] == 7
    assert last["result"]["isError"]
    assert last["result"]["_meta"]["agentrag/problem"]["code"] == "agent.unavailable"
