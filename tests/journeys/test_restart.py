"""Nothing is lost when the whole federation is killed in the middle of its work."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from tests.journeys.conftest import MANUAL
from tests.processes import AGENTRAG, Process, free_port
from tests.serving import serving

pytestmark = pytest.mark.timeout(400)
WORDS = ["Switch", "the", "machine", "off", "and", "pull", "the", "plug", "before", "it", "is", "cleaned", "[0]."]


def slow_model(pause_seconds: float) -> Starlette:
    """A model server that speaks the chat-completions stream, one word at a time."""

    async def complete(_: Request) -> StreamingResponse:
        async def pieces() -> AsyncIterator[str]:
            base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "slow"}
            for number, word in enumerate(WORDS):
                text = word if number == 0 else f" {word}"
                choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
                yield f"data: {json.dumps({**base, 'choices': [choice]})}\n\n"
                await asyncio.sleep(pause_seconds)
            last = {"index": 0, "delta": {}, "finish_reason": "stop"}
            yield f"data: {json.dumps({**base, 'choices': [last]})}\n\n"
            yield "data: [DONE]\n\n"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


@asynccontextmanager
async def up(data: Path, port: int, output: Path, **env: str) -> AsyncIterator[Process]:
    federation = await Process.start(AGENTRAG, "up", "--port", str(port), output=output, AGENTRAG_DATA=str(data), **env)
    try:
        await federation.answers(f"http://127.0.0.1:{port}/health/ready")
        yield federation
    finally:
        await federation.kill()


def read_events(lines: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """(id, data) of each event of a stream but the closing word."""
    found, last_id = [], ""
    for line in lines:
        if line.startswith("id: "):
            last_id = line.removeprefix("id: ")
        elif line.startswith("data: {"):
            found.append((last_id, json.loads(line.removeprefix("data: "))))
    return found


async def test_a_killed_answer_is_finished_after_the_restart_and_replays(tmp_path: Path, ingest: Any) -> None:
    port = free_port()
    async with serving(slow_model(0.15)) as model:
        env = {
            "AGENTRAG_ANSWERS_URL": f"openai:{model}/v1",
            "AGENTRAG_ANSWERS_MODEL": "slow",
            "OPENAI_API_KEY": "none-needed",
        }
        async with (
            up(tmp_path / "data", port, tmp_path / "first.log", **env) as federation,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        ):
            document = await ingest(http, "manual.pdf", MANUAL.read_bytes())
            assert document["status"] == "completed", document
            query_id, last_id = await _kill_after_three_tokens(http, federation)
        async with (
            up(tmp_path / "data", port, tmp_path / "second.log", **env),
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        ):
            headers = {"Last-Event-ID": last_id}
            async with http.stream("GET", f"/v1/queries/{query_id}/events", headers=headers) as stream:
                events = read_events([line async for line in stream.aiter_lines()])
            run = (await http.get(f"/v1/queries/{query_id}")).json()
            replayed = await http.get(f"/v1/queries/{query_id}/events")
    assert events[0][1]["event"] == "reset"
    assert events[-1][1] | {"latency_ms": 0} == {
        "event": "done", "query_id": query_id, "status": "completed", "trace_id": run["trace_id"], "latency_ms": 0,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }  # fmt: skip
    assert run["answer"] == " ".join(WORDS)
    assert _text(events) == run["answer"]
    assert _text(read_events(replayed.text.splitlines())) == run["answer"]


def _text(events: list[tuple[str, dict[str, Any]]]) -> str:
    """The answer as a reader has it at the end: a reset throws away what came before."""
    text = ""
    for _, event in events:
        if event["event"] == "reset":
            text = ""
        elif event["event"] == "token":
            text += event["content"]
    return text


async def _kill_after_three_tokens(http: httpx.AsyncClient, federation: Process) -> tuple[str, str]:
    query_id, last_id, tokens = "", "", 0
    try:
        async with http.stream("POST", "/v1/queries", json={"query": "What must be done before cleaning?"}) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    last_id = line.removeprefix("id: ")
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                query_id = event.get("query_id", query_id)
                tokens += event["event"] == "token"
                if tokens == 3:
                    await federation.kill()
    except httpx.HTTPError:
        pass
    assert tokens >= 3
    return query_id, last_id


async def test_a_second_federation_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    port = free_port()
    async with up(tmp_path / "data", port, tmp_path / "first.log"):
        command = (AGENTRAG, "up", "--port", str(free_port()))
        second = await Process.start(*command, output=tmp_path / "second.log", AGENTRAG_DATA=str(tmp_path / "data"))
        code = await asyncio.wait_for(second.child.wait(), 40)
        async with httpx.AsyncClient() as http:
            alive = await http.get(f"http://127.0.0.1:{port}/health/ready")
    assert code == 3
    assert f"http://127.0.0.1:{port}" in second.output.read_text()
    assert "Traceback" not in second.output.read_text()
    assert alive.status_code == 200
