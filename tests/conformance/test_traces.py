"""A caller's trace goes with the question: through HTTP, MCP and A2A, from the host to agents and store."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime import telemetry
from runtime.settings import Settings
from tests.chatting import Reply
from tests.conformance.conftest import Federation

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "When does the valve open ({})?"
"""Asked otherwise each time, since what was found is remembered."""
ANSWER = Reply(["The valve opens at four bar [0]."])
SEARCHED = {"retrieval.hybrid_search", "store.search"}
ASKED = SEARCHED | {"POST orchestrator", "POST retrieval", "run.retrieve", "synthesis.answer", "citation.cite"}
"""Spans of a search, and of a question on its way through the federation."""


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    """The spans of this process as they end."""
    telemetry.configure("agentrag", Settings(log_level="WARNING"))
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


class Trace:
    """A trace that a caller has begun."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter
        self.id = secrets.token_hex(16)
        self.question = QUESTION.format(self.id[:8])
        self.parent = f"00-{self.id}-{secrets.token_hex(8)}-01"

    @property
    def names(self) -> set[str]:
        """The spans that belong to it."""
        spans = self._exporter.get_finished_spans()
        return {span.name for span in spans if format(span.context.trace_id, "032x") == self.id}


@pytest.fixture
def begun(spans: InMemorySpanExporter) -> Trace:
    return Trace(spans)


async def post(url: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """The JSON that comes back, whether as one body or as the last event of a stream."""
    accepted = {"Accept": "application/json, text/event-stream", **headers}
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        answer = await http.post(url, json=body, headers=accepted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.text.strip().rpartition("data: ")[2])
    return found


async def call_tool(base: str, tool: str, query: str, begun: Trace, where: str) -> dict[str, Any]:
    """Call a tool over MCP; the trace goes in a header or in `_meta`."""
    told = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
    meta = {f"io.modelcontextprotocol/{name}": value for name, value in told.items()}
    headers = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": tool}
    if where == "_meta":
        meta["traceparent"] = begun.parent
    else:
        headers["traceparent"] = begun.parent
    params = {"name": tool, "arguments": {"query": query}, "_meta": meta}
    found = await post(f"{base}/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, **headers)
    result: dict[str, Any] = found["result"]
    assert not result["isError"], result
    return result


async def send(base: str, skill: str, query: str, begun: Trace) -> None:
    """Call a skill over A2A."""
    message = {
        "role": "ROLE_USER",
        "messageId": "m1",
        "parts": [{"data": {"query": query}}],
        "metadata": {"skill": skill},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    found = await post(f"{base}/a2a", body, **{"A2A-Version": "1.0", "traceparent": begun.parent})
    assert "result" in found, found


async def test_it_goes_through_the_http_api(federation: Federation, begun: Trace) -> None:
    federation.says(ANSWER)
    headers = {"Accept": "application/json", "traceparent": begun.parent}
    run = await post(f"{federation.url}/v1/queries", {"query": begun.question}, **headers)
    assert run["trace_id"] == begun.id
    assert begun.names >= ASKED


@pytest.mark.parametrize("where", ["header", "_meta"])
async def test_it_goes_through_the_hosts_mcp(federation: Federation, begun: Trace, where: str) -> None:
    federation.says(ANSWER)
    result = await call_tool(federation.url, "ask", begun.question, begun, where)
    assert result["structuredContent"]["trace_id"] == begun.id
    assert begun.names >= (ASKED if where == "header" else ASKED - {"POST orchestrator"})


@pytest.mark.parametrize("where", ["header", "_meta"])
async def test_it_goes_through_the_federated_tools(federation: Federation, begun: Trace, where: str) -> None:
    await call_tool(federation.url, "retrieval_hybrid_search", begun.question, begun, where)
    assert begun.names >= SEARCHED | {"POST retrieval"}


@pytest.mark.parametrize("where", ["header", "_meta"])
async def test_it_goes_through_an_agents_mcp(federation: Federation, begun: Trace, where: str) -> None:
    await call_tool(federation.base("retrieval"), "hybrid_search", begun.question, begun, where)
    assert begun.names >= SEARCHED


async def test_it_goes_through_the_hosts_a2a(federation: Federation, begun: Trace) -> None:
    federation.says(ANSWER)
    await send(federation.url, "ask", begun.question, begun)
    assert begun.names >= ASKED


async def test_it_goes_through_an_agents_a2a(federation: Federation, begun: Trace) -> None:
    await send(federation.base("retrieval"), "hybrid_search", begun.question, begun)
    assert begun.names >= SEARCHED | {"POST retrieval"}
