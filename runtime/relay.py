"""Relay single MCP requests to the agents: one request out, one answer back, over one pool of connections.

A 2026-07-28 request is complete in itself, so none of a client's session machinery is needed between our processes:
the caller travels as a token minted for the hop, and closing the stream is what cancels the work.
Source: Model Context Protocol 2026-07-28, basic/transports, Streamable HTTP.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import httpx2
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
from runtime.errors import AgentRAGError, AgentUnavailableError, DeadlineError, from_problem
from schemas.problem import Problem

Addresses = Callable[[str], str]
"""The base URL of an agent by name. Raises AgentUnavailableError for one that is not known."""
Hear = Callable[[float, float | None, str | None], Awaitable[None]]
"""Takes progress: done, total, message."""

REVISION = "2026-07-28"
CONNECT_SECONDS = 2.0
SILENCE_SECONDS = 60.0
"""Longest wait for the next byte; an agent at work sends a sign of life every 15 seconds."""
LONGEST_SECONDS = 3600.0
"""No request goes on for longer."""
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next request; less than the 5 seconds after which agents close theirs."""
EVENT_BYTES = 64 * 1024 * 1024
"""Largest single event, room for a few page pictures at their largest."""

_HOP_META = frozenset(
    {PROTOCOL_VERSION_META_KEY, CLIENT_INFO_META_KEY, CLIENT_CAPABILITIES_META_KEY, "progressToken", "traceparent",
     "tracestate"}
)  # fmt: skip
"""What belongs to one hop, and is made anew for the next."""


class Relay:
    """Sends requests to the agents' MCP endpoints, each for one caller; `lost` hears of an agent out of reach."""

    def __init__(self, addresses: Addresses, keyring: Keyring, lost: Callable[[str], None] = lambda _: None) -> None:
        self._addresses = addresses
        self._keyring = keyring
        self._lost = lost
        self._http: httpx2.AsyncClient | None = None
        self._ids = itertools.count(1)

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
        traced = telemetry.outgoing()
        body = {
            "jsonrpc": "2.0",
            "id": number,
            "method": method,
            "params": {**params, "_meta": _meta(meta or {}, traced, number if hear else None)},
        }
        seconds = caller.remaining(LONGEST_SECONDS)
        sent = {**traced, **_routing(method, params), **(headers or {})}
        sent["Authorization"] = f"Bearer {self._keyring.mint(caller, agent)}"
        try:
            async with asyncio.timeout(seconds), self._answer(agent, to_json(body), sent) as response:
                return await _result(agent, response, hear)
        except (TimeoutError, httpx2.ReadTimeout) as error:
            raise DeadlineError(f"{agent} did not answer in time; ask for less or allow more time") from error
        except httpx2.HTTPError as error:
            self._lost(agent)
            reason = str(error) or type(error).__name__
            raise AgentUnavailableError(
                f"{agent} cannot be reached: {reason}; see /health of the federation"
            ) from error

    def _answer(self, agent: str, body: bytes, headers: Mapping[str, str]) -> Any:
        url = f"{self._addresses(agent).rstrip('/')}/mcp"
        return self._pool().stream("POST", url, content=body, headers=headers)

    def _pool(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                limits=httpx2.Limits(max_connections=500, max_keepalive_connections=100, keepalive_expiry=IDLE_SECONDS),
                timeout=httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
                trust_env=False,
                headers={
                    "Accept": "application/json, text/event-stream",
                    "Content-Type": "application/json",
                    MCP_PROTOCOL_VERSION_HEADER: REVISION,
                },
            )
        return self._http

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()


def _meta(given: Mapping[str, Any], traced: Mapping[str, str], progress: int | None) -> dict[str, Any]:
    """What goes into `_meta`: what the caller's request carried beyond its own hop, and this hop's own facts."""
    kept = {key: value for key, value in given.items() if key not in _HOP_META}
    asked = {} if progress is None else {"progressToken": progress}
    return {
        **kept,
        **traced,
        **asked,
        PROTOCOL_VERSION_META_KEY: REVISION,
        CLIENT_INFO_META_KEY: {"name": "agentrag", "version": "1"},
        CLIENT_CAPABILITIES_META_KEY: {},
    }


def _routing(method: str, params: Mapping[str, Any]) -> dict[str, str]:
    headers = {MCP_METHOD_HEADER: method}
    if (key := NAME_BEARING_METHODS.get(method)) is not None:
        headers[MCP_NAME_HEADER] = encode_header_value(str(params[key]))
    return headers


async def _result(agent: str, response: httpx2.Response, hear: Hear | None) -> dict[str, Any]:
    """The result that a response carries, at once or at the end of an event stream."""
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        async for message in _messages(response):
            if "method" not in message:
                return _unwrapped(agent, message)
            if hear is not None and message["method"] == "notifications/progress":
                told = message.get("params", {})
                await hear(told.get("progress", 0.0), told.get("total"), told.get("message"))
        raise AgentUnavailableError(f"{agent} ended its answer too early; ask again")
    try:
        answer = from_json(await response.aread())
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "jsonrpc" not in answer:
        raise _refusal(agent, response.status_code, answer)
    return _unwrapped(agent, answer)


async def _messages(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for event in httpx2.EventSource(response, EVENT_BYTES):
        if event.data:
            yield from_json(event.data)


def _unwrapped(agent: str, answer: dict[str, Any]) -> dict[str, Any]:
    if (error := answer.get("error")) is not None:
        raise MCPError(code=error["code"], message=error["message"], data=error.get("data"))
    result: dict[str, Any] = answer.get("result", {})
    if result.get("resultType", "complete") != "complete":
        raise AgentUnavailableError(f"{agent} asks for more input, which the federation does not pass on")
    if "_meta" in result:
        result["_meta"].pop(SERVER_INFO_META_KEY, None)
    return result


def _refusal(agent: str, status: int, answer: Any) -> AgentRAGError:
    """What an agent's door said instead of an MCP answer."""
    try:
        return from_problem(Problem.model_validate(answer))
    except ValidationError:
        return AgentUnavailableError(f"{agent} answers with status {status}; see /health of the federation")
