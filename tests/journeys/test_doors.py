"""One question through every door, and one trace through all of them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from io import BytesIO
from itertools import pairwise
from typing import Any

import httpx
import pytest
from fastmcp import Client
from mcp import MCPError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from PIL import Image

from runtime import telemetry
from runtime.federation import FolderLock
from runtime.settings import Settings
from schemas.skills import AGENTS
from tests.processes import AGENTRAG

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "What must be done before the machine is cleaned?"


async def test_the_host_answers_over_mcp(address: str, manual: dict[str, Any]) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    async with Client(f"{address}/mcp") as client:
        found = await client.call_tool("ask", {"query": QUESTION}, progress_handler=hear)
    run, (text,) = found.structured_content, found.content
    assert run["status"] == "completed"
    assert run["citations"][0]["doc"] == "manual.pdf"
    assert text.text.startswith(run["answer"])
    cited = run["citations"][0]
    assert f"\n{cited['marker']} manual.pdf, page {cited['page']} " in text.text
    assert f'"{" ".join(cited["quote"].split())}"' in text.text
    told = [done for done, _, _ in heard]
    assert all(before < after for before, after in pairwise(told))
    assert {total for _, total, _ in heard} == {3}
    assert {0.1: "Searching...", 1.1: "Generating answer..."}.items() <= {done: said for done, _, said in heard}.items()
    assert told[-1] == 3


async def test_an_answer_comes_with_pictures_of_its_pages_when_they_are_asked_for(
    address: str, manual: dict[str, Any]
) -> None:
    async with Client(f"{address}/mcp") as client:
        found = await client.call_tool("ask", {"query": QUESTION, "pictures": 1})
        refused = await client.call_tool("ask", {"query": QUESTION, "pictures": 99}, raise_on_error=False)
    run, (text, image, caption) = found.structured_content, found.content
    cited = run["citations"][0]
    assert text.text.startswith(run["answer"])
    assert (image.type, image.mime_type) == ("image", "image/webp")
    picture = Image.open(BytesIO(base64.b64decode(image.data))).convert("RGB")
    colours = picture.getcolors(picture.width * picture.height)
    assert sum(count for count, (red, green, blue) in colours if red > 200 and green > 180 and blue < 150) > 200
    assert caption.text.startswith(f"manual.pdf, page {cited['page']} of ")
    assert run["pictures"][0]["page"] == cited["page"]
    assert run["pictures"][0]["highlights"] > 0
    assert run["pictures"][0]["picture"]["base64"] == ""
    assert refused.meta["agentrag/problem"]["errors"][0]["pointer"] == "/pictures"


async def test_every_agents_tools_are_at_the_host_under_names_that_tell_the_agent(
    address: str, manual: dict[str, Any]
) -> None:
    async with Client(f"{address}/mcp") as client:
        tools = {tool.name for tool in await client.list_tools()}
        for name in AGENTS:
            async with Client(f"{address}/agents/{name}/mcp") as own:
                assert {f"{name}_{tool.name}" for tool in await own.list_tools()} <= tools
        found = await client.call_tool("retrieval_hybrid_search", {"query": QUESTION, "top_k": 2})
        page = await client.call_tool("citation_page_image", {"doc_id": manual["doc_id"], "page": 2, "width": 300})
        read = json.loads((await client.read_resource(f"page://citation/{manual['doc_id']}/2"))[0].text)
        with pytest.raises(MCPError, match="there is no document"):
            await client.read_resource("page://citation/nothing/1")
    assert [chunk["doc"] for chunk in found.structured_content["chunks"]] == ["manual.pdf"] * 2
    assert page.content[0].type == "image"
    assert read["page"] == 2


async def test_the_host_answers_over_a2a(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    message = {"role": "ROLE_USER", "messageId": "m1", "parts": [{"text": QUESTION}]}
    request = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": {"message": message}}
    async with http.stream("POST", "/a2a", json=request, headers={"A2A-Version": "1.0"}) as stream:
        events = [
            json.loads(line.removeprefix("data: "))["result"]
            async for line in stream.aiter_lines()
            if line.startswith("data: ")
        ]
    artifacts = [event["artifactUpdate"]["artifact"] for event in events if "artifactUpdate" in event]
    text = "".join(part["text"] for piece in artifacts if piece["artifactId"] == "answer" for part in piece["parts"])
    result = artifacts[-1]["parts"][0]["data"]
    assert artifacts[-1]["artifactId"] == "result"
    assert text == result["answer"]
    assert events[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_every_agent_serves_its_tools_on_its_own_mcp(address: str, manual: dict[str, Any]) -> None:
    seen = {}
    for name in AGENTS:
        async with Client(f"{address}/agents/{name}/mcp") as client:
            seen[name] = {tool.name for tool in await client.list_tools()}
    assert seen == {
        "retrieval": {"vector_search", "keyword_search", "hybrid_search", "rerank"},
        "ingestion": {"ingest", "ingest_batch", "status", "list_documents", "reprocess", "cancel", "delete"},
        "synthesis": {"answer", "follow_ups"},
        "citation": {"cite", "locate", "page_image", "verify", "view_page"},
        "monitoring": {"usage", "latency", "health"},
    }


async def test_a_page_can_be_read_and_seen_through_citations_own_mcp(address: str, manual: dict[str, Any]) -> None:
    async with Client(f"{address}/agents/citation/mcp") as client:
        page = json.loads((await client.read_resource(f"page://{manual['doc_id']}/2"))[0].text)
        words = page["text"].split("\n")[2]
        seen = await client.call_tool("page_image", {"doc_id": manual["doc_id"], "page": 2, "quote": words})
    assert seen.content[0].type == "image"
    assert seen.structured_content["located"]
    assert seen.structured_content["highlights"] >= 1


async def test_the_command_line_answers_with_the_running_federation(
    address: str, manual: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = tmp_path_factory.getbasetemp().glob("data*")
    data = next(path for path in folders if FolderLock(path).address() == address)
    asking = await asyncio.create_subprocess_exec(
        AGENTRAG, "ask", QUESTION, "--data", str(data), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(asking.communicate(), 60)
    assert asking.returncode == 0, err.decode()
    assert re.search(r"\[\d\]", out.decode())
    assert "manual.pdf, page" in out.decode()


async def test_the_same_bytes_twice_are_one_document(
    http: httpx.AsyncClient, manual: dict[str, Any], ingest: Any
) -> None:
    from tests.journeys.conftest import MANUAL

    again = await http.post("/v1/documents", files={"file": ("other name.pdf", MANUAL.read_bytes())})
    assert again.status_code == 200
    assert again.json()["doc_id"] == manual["doc_id"]


async def test_monitoring_has_counted_the_calls(address: str, manual: dict[str, Any]) -> None:
    await asyncio.sleep(0.5)
    async with Client(f"{address}/agents/monitoring/mcp") as client:
        usage = await client.call_tool("usage", {"group_by": "agent"})
        latency = await client.call_tool("latency", {"agent": "retrieval"})
        health = await client.call_tool("health", {})
    groups = {row["group"] for row in usage.structured_content["rows"]}
    assert {"retrieval", "synthesis", "citation", "ingestion"} <= groups
    assert latency.structured_content["rows"][0]["p95_ms"] > 0
    assert health.structured_content["state"] == "up"
    assert health.structured_content["documents"]["completed"] >= 1


async def test_one_trace_goes_from_the_door_to_the_store(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    telemetry.configure("agentrag", Settings(log_level="WARNING"))
    provider = trace.get_tracer_provider()
    assert isinstance(provider, TracerProvider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    answer = await http.post(
        "/v1/queries", json={"query": "Who may work with the mill?"}, headers={"Accept": "application/json"}
    )
    trace_id = answer.json()["trace_id"]
    spans = {span.name for span in exporter.get_finished_spans() if format(span.context.trace_id, "032x") == trace_id}
    assert {
        "POST orchestrator",
        "run.retrieve",
        "POST retrieval",
        "retrieval.hybrid_search",
        "store.search",
        "synthesis.answer",
        "citation.cite",
    } <= spans
