"""Relay single MCP requests to the agents: one request out, one answer back, over one pool of connections.

A 2026-07-28 request is complete in itself, so none of a client's session machinery is needed between our processes:
the caller travels as a token minted for the hop, and closing the stream is what cancels the work.
Source: Model Context Protocol 2026-07-28, basic/transports, Streamable HTTP.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import h11
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import (
    MCP_METHOD_HEADER,
    MCP_NAME_HEADER,
    MCP_PROTOCOL_VERSION_HEADER,
    NAME_BEARING_METHODS,
    encode_header_value,
)
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
)
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from runtime import telemetry
from runtime.auth import Keyring
from runtime.caller import Caller
from runtime.errors import AgentUnavailableError, DeadlineError, from_problem
from runtime.wire import Response, Wire
from schemas.problem import Problem

Addresses = Callable[[str], str]
"""The base URL of an agent by name. Raises AgentUnavailableError for one that is not known."""
Hear = Callable[[float, float | None, str | None], Awaitable[None]]
"""Takes progress: done, total, message."""

REVISION = "2026-07-28"
HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
    MCP_PROTOCOL_VERSION_HEADER: REVISION,
}
SILENCE_SECONDS = 60.0
"""Longest wait for the next byte; an agent at work sends a sign of life every 15 seconds."""
LONGEST_SECONDS = 3600.0
"""No request goes on for longer."""
PROGRESS = "progressToken"
"""Key in `_meta` by which a request asks for progress."""
_HOP_META = frozenset(
    {PROTOCOL_VERSION_META_KEY, CLIENT_INFO_META_KEY, CLIENT_CAPABILITIES_META_KEY, "traceparent", "tracestate"}
)
"""What belongs to one hop, and is made anew for the next."""


class Relay:
    """Sends requests to the agents' MCP endpoints, each for one caller; `lost` hears of an agent out of reach."""

    def __init__(self, addresses: Addresses, keyring: Keyring, lost: Callable[[str], None] = lambda _: None) -> None:
        self._addresses = addresses
        self._keyring = keyring
        self._lost = lost
        self._wire = Wire()
        self._ids = itertools.count(1)

    @asynccontextmanager
    async def exchange(
        self,
        agent: str,
        method: str,
        params: Mapping[str, Any],
        caller: Caller,
        *,
        number: int | str,
        meta: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Response]:
        """An agent's response to a request, while it comes. Leaving before its end stops the agent's work.

        `number` is the request's id; `meta` what it carries besides the facts of this hop.
        Raises: AgentUnavailableError, DeadlineError, wherever in the response that shows.
        """
        traced = telemetry.outgoing()
        sent = {**HEADERS, **traced, **_routing(method, params), **(headers or {})}
        sent["Authorization"] = f"Bearer {self._keyring.mint(caller, agent)}"
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": {**params, "_meta": _meta(meta, traced)}}
        url = f"{self._addresses(agent).rstrip('/')}/mcp"
        try:
            async with (
                asyncio.timeout(caller.remaining(LONGEST_SECONDS)),
                self._wire.post(url, sent, to_json(body), silence_seconds=SILENCE_SECONDS) as response,
            ):
                yield response
        except TimeoutError as error:
            raise DeadlineError(f"{agent} did not answer in time; ask for less or allow more time") from error
        except (OSError, h11.RemoteProtocolError) as error:
            self._lost(agent)
            raise AgentUnavailableError(f"{agent} cannot be reached: {error}; see /health of the federation") from error

    async def send(
        self,
        agent: str,
        method: str,
        params: Mapping[str, Any],
        caller: Caller,
        *,
        meta: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        hear: Hear | None = None,
    ) -> dict[str, Any]:
        """The result of one request. `meta` is what the caller's own request carried; progress goes to `hear`.

        Raises: AgentUnavailableError, DeadlineError; MCPError for an error that the agent answers with.
        """
        number = next(self._ids)
        carried = {key: value for key, value in (meta or {}).items() if key != PROGRESS}
        if hear is not None:
            carried[PROGRESS] = number
        sending = self.exchange(agent, method, params, caller, number=number, meta=carried, headers=headers)
        async with sending as response:
            return await _result(agent, response, hear)

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


def _meta(given: Mapping[str, Any], traced: Mapping[str, str]) -> dict[str, Any]:
    """What goes into `_meta`: what the caller's request carried beyond its own hop, and this hop's own facts."""
    kept = {key: value for key, value in given.items() if key not in _HOP_META}
    return {
        **kept,
        **traced,
        PROTOCOL_VERSION_META_KEY: REVISION,
        CLIENT_INFO_META_KEY: {"name": "agentrag", "version": "1"},
        CLIENT_CAPABILITIES_META_KEY: {},
    }


def _routing(method: str, params: Mapping[str, Any]) -> dict[str, str]:
    headers = {MCP_METHOD_HEADER: method}
    if (key := NAME_BEARING_METHODS.get(method)) is not None:
        headers[MCP_NAME_HEADER] = encode_header_value(str(params[key]))
    return headers


async def _result(agent: str, response: Response, hear: Hear | None) -> dict[str, Any]:
    """The result that a response carries, at once or at the end of an event stream."""
    if not is_stream(response):
        return _unwrapped(agent, await whole(agent, response))
    answer: dict[str, Any] | None = None
    async for line in response.lines():
        message = from_json(line[5:]) if line.startswith(b"data:") else {}
        if is_answer(message):
            answer = message
        elif hear is not None and message.get("method") == "notifications/progress":
            told = message.get("params", {})
            await hear(told.get("progress", 0.0), told.get("total"), told.get("message"))
    if answer is None:
        raise too_early(agent)
    return _unwrapped(agent, answer)


def is_answer(message: Mapping[str, Any]) -> bool:
    """Whether a message ends its exchange."""
    return "result" in message or "error" in message


def is_stream(response: Response) -> bool:
    """Whether a response is a stream of events, the last of which is the answer.

    Each event is one line of data: JSON, as the protocol's servers write it, has no line ends in it.
    """
    return response.kind.startswith("text/event-stream")


def too_early(agent: str) -> AgentUnavailableError:
    """A stream ended without an answer."""
    return AgentUnavailableError(f"{agent} ended its answer too early; ask again")


async def whole(agent: str, response: Response) -> dict[str, Any]:
    """The JSON-RPC answer of a response that is no stream. Raises what the agent's door said instead of one."""
    try:
        answer = from_json(await response.read())
    except ValueError:
        answer = None
    if isinstance(answer, dict) and "jsonrpc" in answer:
        return answer
    try:
        refusal = from_problem(Problem.model_validate(answer))
    except ValidationError:
        refusal = AgentUnavailableError(f"{agent} answers with status {response.status}; see /health of the federation")
    raise refusal


def _unwrapped(agent: str, answer: dict[str, Any]) -> dict[str, Any]:
    if (error := answer.get("error")) is not None:
        raise MCPError(code=error["code"], message=error["message"], data=error.get("data"))
    result: dict[str, Any] = answer.get("result", {})
    if result.get("resultType", "complete") != "complete":
        raise AgentUnavailableError(f"{agent} asks for more input, which the federation does not pass on")
    result.get("_meta", {}).pop(SERVER_INFO_META_KEY, None)
    return result
