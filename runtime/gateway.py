"""The short way through a federated endpoint: a plain call of an agent's tool goes on to it, its answer comes back.

The MCP server behind this middleware can do the same, and does whenever a request is anything but plain; most of its
work is for tools of its own, though, and a call that passes is then worth several. What a request must be is judged
by the SDK's own rules. The agent's stream is passed on as it is, signs of life and progress included.
Source: Model Context Protocol 2026-07-28, basic/transports, Streamable HTTP.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PARAM_HEADER_PREFIX,
    MCP_PROTOCOL_VERSION_HEADER,
    InboundModernRoute,
    classify_inbound_request,
    find_duplicated_routing_header,
)
from mcp_types import SERVER_INFO_META_KEY, CallToolResult
from pydantic_core import from_json, to_json
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import telemetry
from runtime.caller import Caller
from runtime.content import error_result
from runtime.errors import AgentRAGError
from runtime.passed import PassedTool, public_uri
from runtime.relay import REVISION, is_answer, is_stream, too_early, whole
from runtime.wire import Response

if TYPE_CHECKING:
    from runtime.federated import Federated

PLAIN_PARAMS = frozenset({"name", "arguments", "_meta"})


@dataclass(frozen=True)
class PlainCall:
    """A call that can be passed on: which tool, with what, and the id and `_meta` of its request."""

    tool: PassedTool
    number: int | str
    arguments: dict[str, Any]
    meta: dict[str, Any]

    @classmethod
    def of(cls, tool: PassedTool, headers: Headers, body: bytes) -> PlainCall | None:
        """The call in a request, or None for one with anything in it that needs a second look."""
        try:
            asked = from_json(body)
        except ValueError:
            return None
        if not isinstance(asked, dict) or find_duplicated_routing_header(headers.items()) is not None:
            return None
        if not isinstance(classify_inbound_request(asked, headers=headers), InboundModernRoute):
            return None
        number, params = asked.get("id"), asked["params"]
        arguments, meta = params.get("arguments", {}), params["_meta"]
        is_plain = (
            asked.get("jsonrpc") == "2.0"
            and isinstance(number, int | str)
            and not isinstance(number, bool)
            and params.keys() <= PLAIN_PARAMS
            and isinstance(arguments, dict)
            and "fastmcp" not in meta
        )
        return cls(tool, number, arguments, meta) if is_plain and number is not None else None


class Gateway:
    """ASGI middleware that passes plain calls on, and everything else to the app behind it."""

    def __init__(self, app: ASGIApp, *, federated: Federated) -> None:
        self._app = app
        self._federated = federated

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        tool = self._tool(scope, headers)
        if tool is None:
            await self._app(scope, receive, send)
            return
        body = await _body(receive)
        call = PlainCall.of(tool, headers, body)
        if call is None:
            await self._app(scope, _again(body, receive), send)
            return
        with telemetry.told(headers, call.meta):
            await _unless_left(receive, Answer(send).to(call, scope["caller"]))

    def _tool(self, scope: Scope, headers: Headers) -> PassedTool | None:
        """The tool that a request calls, when its headers are those of a plain call."""
        if headers.get(MCP_METHOD_HEADER) != "tools/call" or headers.get(MCP_PROTOCOL_VERSION_HEADER) != REVISION:
            return None
        path: str = scope["path"]
        accept = headers.get("accept", "")
        is_plain = (
            scope["method"] == "POST"
            and path.removeprefix(scope.get("root_path", "")) == "/mcp"
            and headers.get("content-type", "").startswith("application/json")
            and "application/json" in accept
            and "text/event-stream" in accept
            and not any(name.startswith(MCP_PARAM_HEADER_PREFIX.lower()) for name in headers)
            and isinstance(scope.get("caller"), Caller)
        )
        tool = self._federated.tool(headers.get(MCP_NAME_HEADER, "")) if is_plain else None
        return None if tool is None or tool.is_mirrored else tool


class Answer:
    """The answer to one call on its way to whoever asked."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_streaming = False

    async def to(self, call: PlainCall, caller: Caller) -> None:
        """Ask the agent and pass on what it says; what keeps it from that is an error of the tool."""
        status = 200
        try:
            async with call.tool.exchange(call.number, call.arguments, call.meta, caller) as response:
                if is_stream(response):
                    await self._pass_on(call, response)
                    return
                answer, status = await whole(call.tool.agent, response), response.status
        except AgentRAGError as error:
            result = CallToolResult.model_validate(error_result(error).to_mcp_result())
            fields = result.model_dump(mode="json", by_alias=True, exclude_none=True)
            answer = {"jsonrpc": "2.0", "id": call.number, "result": fields}
        body = to_json(public(call.tool.agent, answer))
        if self._is_streaming:
            await self._body(b"event: message\r\ndata: " + body + b"\r\n\r\n")
            return
        await self._start(status, b"application/json", [(b"content-length", str(len(body)).encode())])
        await self._body(body)

    async def _pass_on(self, call: PlainCall, response: Response) -> None:
        """The agent's events, as they come; the last one is the answer."""
        self._is_streaming = True
        await self._start(200, b"text/event-stream", [(b"cache-control", b"no-cache, no-transform")])
        last: dict[str, Any] | None = None
        async for line in response.lines():
            message = from_json(line[5:]) if line.startswith(b"data:") else {}
            if is_answer(message):
                last = message
            elif last is None:
                await self._body(line + b"\r\n", more=True)
        if last is None:
            raise too_early(call.tool.agent)
        await self._body(b"data: " + to_json(public(call.tool.agent, last)) + b"\r\n\r\n")

    async def _start(self, status: int, kind: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind), *headers]}
        await self._send(start)

    async def _body(self, body: bytes, *, more: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


def public(agent: str, answer: dict[str, Any]) -> dict[str, Any]:
    """An agent's answer as the federation gives it: links with its own URIs, and no word of who served it."""
    result = answer.get("result", {})
    result.get("_meta", {}).pop(SERVER_INFO_META_KEY, None)
    for block in result.get("content", ()):
        if block.get("type") == "resource_link":
            block["uri"] = public_uri(agent, block["uri"])
    return answer


async def _body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives a body once more, then what comes after it."""
    left = [body]

    async def again() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return again


async def _unless_left(receive: Receive, work: Any) -> None:
    """Do work for as long as the client is there; leaving is how it cancels."""
    me = asyncio.current_task()
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        has_left = True
        if me is not None:
            me.cancel()

    watcher = asyncio.create_task(watch())
    try:
        await work
    except asyncio.CancelledError:
        if not has_left or me is None:
            raise
        me.uncancel()
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
