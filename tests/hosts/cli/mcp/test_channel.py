"""Servers with manners of their own, through the relay: broken streams, odd answers, headers that repeat arguments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from hosts.cli.mcp.channel import Channel, Fixed
from hosts.cli.mcp.relay import Relay
from tests.serving import serving

MODERN = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}
HELLO = {"id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}}
READY = {"method": "notifications/initialized"}

Answer = Callable[[Request, dict[str, Any]], Awaitable[Response]]


class Script:
    """A client that says its lines, waits until `until` are answered, and has gone."""

    def __init__(self, messages: Sequence[dict[str, Any]], until: int) -> None:
        self._messages = messages
        self._until = until
        self._heard = asyncio.Event()
        self.answers: list[dict[str, Any]] = []

    async def lines(self) -> AsyncIterator[bytes]:
        for message in self._messages:
            yield json.dumps({"jsonrpc": "2.0", **message}).encode()
        async with asyncio.timeout(60):
            while len(self.answers) < self._until:
                self._heard.clear()
                await self._heard.wait()

    def write(self, line: bytes) -> None:
        assert b"\n" not in line
        self.answers.append(json.loads(line))
        self._heard.set()


async def said_by(answer: Answer, *messages: dict[str, Any], until: int = 1) -> list[dict[str, Any]]:
    """What a client of a server that answers so hears; `until` tells after how many messages it goes."""

    async def handle(request: Request) -> Response:
        return await answer(request, json.loads(await request.body() or b"{}"))

    app = Starlette(routes=[Route("/mcp", handle, methods=["GET", "POST", "DELETE"])])
    client = Script(messages, until)
    async with serving(app) as base_url, channel(f"{base_url}/mcp") as to:
        await Relay(client, to).run()
    return client.answers


def channel(url: str, **more: float) -> Any:
    return Channel.to(Fixed(url), patience=0.0, remedy="start it", headers={"X-Own": "mine"}, is_near=True, **more)


def result(message: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": message["id"], "result": fields}


def stream(*events: str) -> Response:
    async def body() -> AsyncIterator[str]:
        for event in events:
            yield event

    return StreamingResponse(body(), media_type="text/event-stream")


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (lambda: Response(status_code=202), -32603, "gives no answer"),
        (lambda: Response(status_code=401), -32603, "--header 'Authorization: Bearer ${TOKEN}'"),
        (lambda: Response(status_code=308, headers={"location": "http://other/mcp"}), -32600, "moved to http://other"),
        (lambda: PlainTextResponse("oh dear", 500), -32603, "gave 500: oh dear"),
        (lambda: PlainTextResponse("<html>"), -32603, "gave 200: <html>"),
        (lambda: JSONResponse({"jsonrpc": "2.0", "error": {"code": -32601, "message": "no"}}, 404), -32601, "no"),
        (lambda: stream(": nothing\n\n"), -32000, "ended its answer before the result"),
        (
            lambda: JSONResponse({"title": "t", "status": 503, "detail": "busy", "code": "agent.unavailable"}, 503),
            -32000,
            "busy",
        ),
    ],
)
async def test_an_answer_that_is_none_is_told_as_an_error(
    answer: Callable[[], Response], code: int, words: str
) -> None:
    async def odd(_: Request, __: dict[str, Any]) -> Response:
        return answer()

    (told,) = await said_by(odd, {"id": 4, "method": "tools/list", "params": MODERN})
    assert (told["id"], told["error"]["code"]) == (4, code)
    assert words in told["error"]["message"]


async def test_a_server_that_hangs_up_in_its_answer_is_told() -> None:
    async def broken(_: Request, message: dict[str, Any]) -> Response:
        async def body() -> AsyncIterator[str]:
            yield 'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n'
            raise ConnectionAbortedError

        return StreamingResponse(body(), media_type="text/event-stream")

    note, told = await said_by(broken, {"id": 4, "method": "tools/list", "params": MODERN}, until=2)
    assert note["method"] == "notifications/progress"
    assert "whether the work was done is unknown" in told["error"]["message"]


async def test_a_server_that_falls_silent_is_told() -> None:
    async def silent(_: Request) -> Response:
        await asyncio.sleep(2)
        return Response()

    client = Script([{"id": 1, "method": "ping"}], until=1)
    app = Starlette(routes=[Route("/mcp", silent, methods=["POST"])])
    async with serving(app) as base_url, channel(f"{base_url}/mcp", silence=0.1) as to:
        await Relay(client, to).run()
    assert "has said nothing for too long" in client.answers[0]["error"]["message"]


async def test_nobody_at_the_address_is_told_and_what_needs_no_answer_is_dropped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Script([READY, {"id": 1, "method": "ping"}, {"id": 2, "result": {}}], until=1)
    async with channel("http://127.0.0.1:9/mcp") as to:
        await Relay(client, to).run()
    assert "nobody answers at http://127.0.0.1:9/mcp" in client.answers[0]["error"]["message"]
    told = capsys.readouterr().err
    assert "notifications/initialized did not reach the server" in told
    assert "an answer did not reach the server" in told


async def test_current_revisions_get_their_headers_and_older_ones_those_of_their_session() -> None:
    seen: list[tuple[str, dict[str, str]]] = []
    names = ("mcp-protocol-version", "mcp-method", "mcp-name", "mcp-session-id", "x-own")

    async def recording(request: Request, message: dict[str, Any]) -> Response:
        seen.append((request.method, {name: request.headers[name] for name in names if name in request.headers}))
        if request.method != "POST":
            return Response(status_code=405)
        if "id" not in message:
            return Response(status_code=202)
        return JSONResponse(result(message, protocolVersion="2025-06-18"), headers={"mcp-session-id": "s1"})

    call = {"name": "say", "arguments": {}}
    await said_by(
        recording,
        HELLO,
        {"id": 1, "method": "tools/call", "params": call},
        {"id": 2, "method": "tools/call", "params": {**call, **MODERN}},
        until=3,
    )
    session = {"mcp-protocol-version": "2025-06-18", "mcp-session-id": "s1", "x-own": "mine"}
    current = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "say", "x-own": "mine"}
    assert seen[0] == ("POST", {"x-own": "mine"})
    assert sorted(seen[1:3], key=str) == sorted([("POST", session), ("POST", current)], key=str)
    assert seen[3] == ("DELETE", session)


async def test_arguments_that_a_tool_wants_as_headers_are_repeated() -> None:
    seen: list[str | None] = []
    schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}

    async def strict(request: Request, message: dict[str, Any]) -> Response:
        if message["method"] == "tools/list":
            tools = [{"name": "find", "inputSchema": schema}, {"name": "plain", "inputSchema": {"type": "object"}}]
            return JSONResponse(result(message, tools=tools))
        seen.append(request.headers.get("mcp-param-region"))
        return JSONResponse(result(message))

    class Slow(Script):
        async def lines(self) -> AsyncIterator[bytes]:
            async for line in super().lines():
                yield line
            for number, name in enumerate(("find", "plain")):
                params = {"name": name, "arguments": {"region": "eu west"}, **MODERN}
                yield json.dumps({"id": number, "method": "tools/call", "params": params}).encode()
                await asyncio.sleep(0.1)

    async def handle(request: Request) -> Response:
        return await strict(request, await request.json())

    client = Slow([{"id": 9, "method": "tools/list", "params": MODERN}], until=1)
    app = Starlette(routes=[Route("/mcp", handle, methods=["POST"])])
    async with serving(app) as base_url, channel(f"{base_url}/mcp") as to:
        await Relay(client, to).run()
    assert seen == ["eu west", None]


async def test_an_answer_that_broke_off_is_taken_up_where_it_broke() -> None:
    taken_up: list[str | None] = []

    async def polling(request: Request, message: dict[str, Any]) -> Response:
        if request.method == "DELETE" or message.get("method") == "notifications/initialized":
            return Response(status_code=202)
        if message.get("method") == "initialize":
            return JSONResponse(result(message, protocolVersion="2025-11-25"), headers={"mcp-session-id": "s1"})
        if request.method == "POST":
            return stream("id: e1\ndata:\n\n", 'id: e2\ndata: {"method": "notifications/progress"}\n\n')
        after = request.headers.get("last-event-id")
        if after is None:
            return Response(status_code=405)
        taken_up.append(after)
        if len(taken_up) == 1:
            return stream('id: e3\ndata: {"method": "notifications/progress"}\n\n')
        return stream(f"data: {json.dumps(result({'id': 1}, done=True))}\n\n")

    heard = await said_by(polling, HELLO, READY, {"id": 1, "method": "tools/list"}, until=4)
    assert taken_up == ["e2", "e3"]
    assert heard[-1]["result"] == {"done": True}


async def test_what_a_server_says_by_itself_reaches_the_client_over_broken_streams() -> None:
    opened: list[str | None] = []

    async def talkative(request: Request, message: dict[str, Any]) -> Response:
        if request.method == "GET":
            opened.append(request.headers.get("last-event-id"))
            return stream(f'id: n{len(opened)}\ndata: {{"method": "notifications/news", "n": {len(opened)}}}\n\n')
        if "id" in message:
            return JSONResponse(result(message, protocolVersion="2025-11-25"), headers={"mcp-session-id": "s1"})
        return Response(status_code=202)

    heard = await said_by(talkative, HELLO, READY, until=3)
    assert [one["n"] for one in heard[1:]] == [1, 2]
    assert opened[:2] == [None, "n1"]


async def test_a_session_lost_while_listening_is_begun_again() -> None:
    sessions: list[str] = []

    async def forgetful(request: Request, message: dict[str, Any]) -> Response:
        known = request.headers.get("mcp-session-id")
        if message.get("method") == "initialize":
            sessions.append(f"s{len(sessions) + 1}")
            found = result(message, protocolVersion="2025-11-25")
            return JSONResponse(found, headers={"mcp-session-id": sessions[-1]})
        if request.method == "GET":
            return Response(status_code=404) if known == "s1" else stream('data: {"method": "notifications/news"}\n\n')
        return Response(status_code=202)

    heard = await said_by(forgetful, HELLO, READY, until=2)
    assert heard[1]["method"] == "notifications/news"
    assert sessions == ["s1", "s2"]


async def test_a_server_that_refuses_to_begin_again_is_told() -> None:
    async def closed(request: Request, message: dict[str, Any]) -> Response:
        if message.get("method") == "initialize" and "mcp-session-id" not in request.headers:
            return JSONResponse(result(message, protocolVersion="2025-11-25"), headers={"mcp-session-id": "s1"})
        return Response(status_code=404)

    heard = await said_by(closed, HELLO, {"id": 1, "method": "tools/list"}, until=2)
    assert "has forgotten this session; connect again" in heard[1]["error"]["message"]
