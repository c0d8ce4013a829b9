"""Who calls in benchmarks: an MCP client that stays open, and the bare request it sends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
from fastmcp import Client

from tests.benchmarks.measure import Act

REVISION = "2026-07-28"


def request(tool: str, arguments: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a `tools/call`. Source: Model Context Protocol 2026-07-28, Streamable HTTP."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": REVISION,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode(), headers


def bare(http: httpx2.AsyncClient, url: str, tool: str, arguments: dict[str, Any]) -> Act:
    """Call a tool with one POST and return the answer as JSON; raises when the answer is not a result."""
    body, headers = request(tool, arguments)

    async def act() -> bytes:
        answer = await http.post(url, content=body, headers=headers)
        answer.raise_for_status()
        if b'"isError":true' in answer.content or b'"structuredContent"' not in answer.content:
            raise RuntimeError(answer.text[:300])
        return answer.content

    return act


def client(opened: Client[Any], tool: str, arguments: dict[str, Any]) -> Act:
    """Call a tool with an open MCP client, which parses and validates the result; raises when it is an error."""

    async def act() -> None:
        answer = await opened.call_tool_mcp(tool, arguments)
        if answer.is_error:
            raise RuntimeError(str(answer.content)[:300])

    return act


def asking(http: httpx2.AsyncClient, url: str, tool: str, questions: Iterator[str], **more: Any) -> Act:
    """A caller that goes from question to question; `url` is the agent's."""

    async def act() -> object:
        return await bare(http, f"{url}/mcp", tool, {"query": next(questions), "top_k": 5, **more})()

    return act


def connections(count: int) -> httpx2.AsyncClient:
    """As many connections as there are clients, kept open."""
    limits = httpx2.Limits(max_connections=count, max_keepalive_connections=count)
    return httpx2.AsyncClient(trust_env=False, timeout=120, limits=limits)
