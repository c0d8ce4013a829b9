"""The federation as separate processes: agents, store and host meet over the wire alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from schemas.skills import AGENTS
from tests.journeys.conftest import MANUAL
from tests.processes import AGENTRAG, Process, free_port, process

pytestmark = pytest.mark.timeout(400)
QUESTION = "What must be done before the machine is cleaned?"


async def ask(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.post("/v1/queries", json={"query": QUESTION}, headers={"Accept": "application/json"})
    run: dict[str, Any] = answer.json()
    assert run["status"] == "completed", run
    return run


async def described(mcp: Client[Any]) -> str:
    """How the host describes the search of the retrieval agent, asked anew."""
    tools = (await mcp.list_tools_mcp()).tools
    return next(tool.description or "" for tool in tools if tool.name == "retrieval_hybrid_search")


async def test_five_agents_store_and_host_answer_and_outlive_a_restart_of_retrieval(
    tmp_path: Path, ingest: Any
) -> None:
    data, ports = tmp_path / "data", {name: free_port() for name in (*AGENTS, "host")}
    alone = {"AGENTRAG_DATA": str(data)}
    env = alone | {
        "AGENTRAG_VECTORS_URL": f"store:{data / 'vectors.sock'}",
        "AGENTRAG_AGENTS": ",".join(f"{name}=http://127.0.0.1:{ports[name]}" for name in AGENTS),
    }

    async with AsyncExitStack() as stack:

        async def serve(name: str) -> Process:
            where = ["--port", str(ports[name])] if name in ports else []
            output = tmp_path / f"{name}.log"
            given = alone if name == "store" else env
            return await stack.enter_async_context(process(AGENTRAG, "serve", name, *where, output=output, **given))

        store = await serve("store")
        agents = {name: await serve(name) for name in (*AGENTS, "host")}
        for name, agent in agents.items():
            await agent.answers(f"http://127.0.0.1:{ports[name]}/health/ready")
        base_url = f"http://127.0.0.1:{ports['host']}"
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=base_url, timeout=60, trust_env=False))
        document = await ingest(http, "manual.pdf", MANUAL.read_bytes())
        assert document["status"] == "completed", document
        first = await ask(http)
        assert first["citations"][0]["doc"] == "manual.pdf"

        mcp = await stack.enter_async_context(Client(f"{base_url}/mcp"))
        search = {"query": QUESTION, "top_k": 3}
        assert not (await mcp.call_tool("retrieval_hybrid_search", search)).is_error
        await agents["retrieval"].kill()
        away = await mcp.call_tool("retrieval_hybrid_search", search, raise_on_error=False)
        assert away.meta["agentrag/problem"]["code"] == "agent.unavailable"
        assert not (await mcp.call_tool("ingestion_list_documents", {})).is_error
        async with asyncio.timeout(30):
            while "(unavailable: the agent retrieval is down) " not in await described(mcp):
                await asyncio.sleep(0.2)
        agents["retrieval"] = await serve("retrieval")
        await agents["retrieval"].answers(f"http://127.0.0.1:{ports['retrieval']}/health/ready")
        found = await mcp.call_tool("retrieval_hybrid_search", search)
        assert found.structured_content["chunks"][0]["doc"] == "manual.pdf"
        again = await ask(http)
        assert [citation["quote"] for citation in again["citations"]] == [
            citation["quote"] for citation in first["citations"]
        ]

        async with Client(f"http://127.0.0.1:{ports['retrieval']}/mcp") as client:
            found = await client.call_tool("hybrid_search", {"query": QUESTION, "top_k": 3})
        assert found.structured_content["chunks"][0]["doc"] == "manual.pdf"
        async with asyncio.timeout(30):  # discovery looks at an agent that was down once a second
            while await states(http) != dict.fromkeys(AGENTS, "up"):
                await asyncio.sleep(0.2)
        await store.stop()


async def states(http: httpx.AsyncClient) -> dict[str, str]:
    """How the host sees each agent."""
    health = (await http.get("/v1/admin/health")).json()
    return {agent["agent"]: agent["state"] for agent in health["agents"]}


async def test_a_question_asked_while_retrieval_is_away_says_so_and_the_next_one_works(
    tmp_path: Path, ingest: Any
) -> None:
    port = free_port()
    env = {"AGENTRAG_DATA": str(tmp_path / "data")}
    async with process(AGENTRAG, "serve", "host", "--port", str(port), output=tmp_path / "host.log", **env) as host:
        await host.answers(f"http://127.0.0.1:{port}/health/live")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as http:
            answer = await http.post("/v1/queries", json={"query": QUESTION}, headers={"Accept": "application/json"})
            ready = await http.get("/health/ready")
    assert answer.json()["status"] == "failed"
    assert answer.json()["error"]["code"] == "agent.unavailable"
    assert ready.status_code == 503
