"""A desktop app asks over standard input and output: through the bridge, and with agents that start for it."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from mcp.client.client import Client
from mcp_types import CallToolResult

from runtime.federation import FolderLock, running
from runtime.settings import Settings
from tests.journeys.conftest import MANUAL
from tests.stdio import REVISIONS, SECONDS, Era, piped, spoken_to

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = "What must be done before the machine is cleaned?"
BOTH = pytest.mark.parametrize("era", ["legacy", "auto"])


async def asked(client: Client) -> tuple[CallToolResult, list[str | None]]:
    """An answer, and what was heard on the way."""
    heard: list[str | None] = []

    async def hear(_: float, __: float | None, note: str | None) -> None:
        heard.append(note)

    return await client.call_tool("ask", {"query": QUESTION}, progress_callback=hear), heard


# the bridge -----------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_question_through_the_bridge_is_answered_with_progress(
    era: Era, address: str, manual: dict[str, Any]
) -> None:
    async with spoken_to(era, "mcp", "bridge", f"{address}/mcp") as client:
        assert client.protocol_version == REVISIONS[era]
        assert "ask" in {tool.name for tool in (await client.list_tools()).tools}
        answer, heard = await asked(client)
    assert answer.structured_content is not None
    assert answer.structured_content["citations"][0]["doc"] == "manual.pdf"
    assert "Searching..." in heard


@BOTH
async def test_a_page_is_read_and_seen_through_the_bridge(era: Era, address: str, manual: dict[str, Any]) -> None:
    async with spoken_to(era, "mcp", "bridge", f"{address}/mcp") as client:
        page = json.loads((await client.read_resource(f"page://citation/{manual['doc_id']}/2")).contents[0].text)
        words = page["text"].split("\n")[2]
        seen = await client.call_tool("citation_page_image", {"doc_id": manual["doc_id"], "page": 2, "quote": words})
        view = await client.read_resource("ui://citation/view.html")
    assert (seen.content[0].type, seen.content[0].mime_type) == ("image", "image/webp")
    assert seen.structured_content is not None
    assert seen.structured_content["located"]
    assert view.contents[0].mime_type == "text/html;profile=mcp-app"


HELLO = {
    "id": "hello",
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}
ASK = {"id": "ask", "method": "tools/call", "params": {"name": "ask", "arguments": {"query": QUESTION}}}


async def answered(process: asyncio.subprocess.Process, request: dict[str, Any]) -> dict[str, Any]:
    """The result of a request, sent as a line."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **request}).encode() + b"\n")
    await process.stdin.drain()
    while True:
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), SECONDS))
        if said.get("id") == request["id"]:
            result: dict[str, Any] = said["result"]
            return result


# agents that start for a client ---------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shelved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the manual in it."""
    data = tmp_path_factory.mktemp("shelved")
    async with running(Settings(data=data)) as (base_url, _), httpx.AsyncClient(base_url=base_url, timeout=60) as http:
        taken = await http.post("/v1/documents", files={"file": ("manual.pdf", MANUAL.read_bytes())})
        async with http.stream("GET", f"/v1/documents/{taken.json()['doc_id']}/events") as stream:
            async for _ in stream.aiter_lines():
                pass
    return data


@pytest.fixture
def library(shelved: Path, tmp_path: Path) -> Path:
    """A data folder of one's own with the manual in it, which nobody serves."""
    return Path(shutil.copytree(shelved, tmp_path / "library"))


@asynccontextmanager
async def served(data: Path, era: Era = "auto") -> AsyncIterator[Client]:
    async with spoken_to(era, "mcp", "stdio", "--data", str(data)) as client:
        yield client


@BOTH
async def test_the_agents_start_with_the_client_and_end_with_it(era: Era, library: Path) -> None:
    async with served(library, era) as client:
        answer, heard = await asked(client)
        assert FolderLock(library).address() is not None
    assert answer.structured_content is not None
    assert answer.structured_content["citations"][0]["doc"] == "manual.pdf"
    assert "Searching..." in heard
    assert FolderLock(library).address() is None


async def test_clients_that_start_at_once_share_the_agents_and_one_takes_over_from_another(library: Path) -> None:
    command = ("mcp", "stdio", "--data", str(library))
    async with piped(*command) as one, piped(*command) as other:
        hellos = await asyncio.gather(answered(one, HELLO), answered(other, HELLO))
        assert [hello["serverInfo"]["name"] for hello in hellos] == ["orchestrator"] * 2
        for process in (one, other):
            assert (await answered(process, ASK))["structuredContent"]["citations"]
        for process in (one, other):
            assert (await answered(process, ASK))["structuredContent"]["citations"]
            if process is one:
                assert process.stdin is not None
                process.stdin.close()
                await asyncio.wait_for(process.wait(), SECONDS)
        assert FolderLock(library).address() is not None


async def test_the_running_federation_is_used(tmp_path: Path) -> None:
    async with running(Settings(data=tmp_path)) as (base_url, _), served(tmp_path) as client:
        assert client.server_info.name == "orchestrator"
        assert FolderLock(tmp_path).address() == base_url


async def test_nothing_but_messages_comes_out_even_when_it_logs_and_ends_by_a_signal(tmp_path: Path) -> None:
    async with piped("mcp", "stdio", "--data", str(tmp_path), AGENTRAG_LOG_LEVEL="INFO") as process:
        answer = await answered(process, HELLO)
        process.send_signal(signal.SIGTERM)
        out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert answer["serverInfo"]["name"] == "orchestrator"
    assert (process.returncode, out) == (0, b"")
    assert b"agent.changed" in err
    assert b"Traceback" not in err


async def test_a_signal_while_the_agents_start_ends_it(tmp_path: Path) -> None:
    async with piped("mcp", "stdio", "--data", str(tmp_path)) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        await process.stdin.drain()
        assert b"Starting the agents" in await asyncio.wait_for(process.stderr.readline(), SECONDS)
        while not (tmp_path / "federation.lock").exists():
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0
    assert b"Traceback" not in err


async def test_agents_that_cannot_start_are_told_to_the_client_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "records.db").mkdir()
    call = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}\n'
    async with piped("mcp", "stdio", "--data", str(tmp_path)) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(2):
            process.stdin.write(call)
            await process.stdin.drain()
            told = json.loads(await asyncio.wait_for(process.stdout.readline(), SECONDS))
            assert "the log has the reason" in told["error"]["message"]
        process.stdin.close()
        await asyncio.wait_for(process.wait(), SECONDS)
    assert process.returncode == 0
