"""A foreign A2A client, the JavaScript SDK, on every agent and the host: discover, call, stream, cancel, resubscribe.

Retrieval, citation and monitoring have short skills alone. A2A allows one message for a stream of such a skill, and
there is no task that could be cancelled or subscribed to again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.chatting import BOUND, Reply, passage
from tests.conformance.conftest import SERVERS, Federation
from tests.conformance.node import Node

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENT = Path(__file__).with_name("a2a_client.mjs")
QUESTION = "When does the valve open?"
ANSWER = ["The valve opens ", "at four bar [0]."]
SYNTHESIZE = {"question": QUESTION, "chunks": [passage("The valve opens at four bar.").model_dump(mode="json")]}
WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    "synthesis": ("answer", SYNTHESIZE),
    "orchestrator": ("ask", {"query": QUESTION}),
}
"""Servers whose answers a model writes, with the skill and an input."""
CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "retrieval": ("hybrid_search", {"query": QUESTION}, "chunks"),
    "ingestion": ("list_documents", {}, "items"),
    "citation": ("verify", {"claim": "It opens at four bar.", "references": ["The valve opens at four bar."]}, "score"),
    "monitoring": ("health", {}, "agents"),
}
"""A short skill of the others, an input, and a field of what it gives."""


def book(name: str) -> dict[str, Any]:
    """A document that takes a while."""
    lines = [
        f"Valve {number} of {name} opens at {number % 7} bar and closes after {number} s." for number in range(600)
    ]
    return {"filename": f"{name}.txt", "text": "\n\n".join(lines)}


class A2AClient:
    """The client's program, started anew for each thing that it does."""

    def __init__(self, node: Node, federation: Federation, folder: Path) -> None:
        self._node = node
        self._federation = federation
        self._input = folder / "input.json"

    async def events(
        self, server: str, action: str, skill: str = "", ask: dict[str, Any] | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """What the client sees, as it sees it."""
        self._input.write_text(json.dumps(ask or {}))
        until = "statusUpdate" if skill == "ingest" else "artifactUpdate"
        arguments = [self._federation.base(server), action, skill, str(self._input), until]
        async with aclosing(self._node.lines(CLIENT, *arguments)) as lines:
            async for line in lines:
                yield json.loads(line)

    async def does(self, *arguments: Any) -> list[dict[str, Any]]:
        """All that the client saw."""
        return [event async for event in self.events(*arguments)]


@pytest.fixture
def client(node: Node, federation: Federation, tmp_path: Path) -> A2AClient:
    return A2AClient(node, federation, tmp_path)


def text(events: list[dict[str, Any]]) -> str:
    """The streamed text."""
    return "".join(part for event in events if event.get("artifact") == "answer" for part in event["parts"])


def states(events: list[dict[str, Any]]) -> list[str]:
    """The states that a task went through, each once."""
    return list(dict.fromkeys(event["state"].removeprefix("TASK_STATE_") for event in events if "state" in event))


@pytest.mark.parametrize("server", SERVERS)
async def test_it_discovers_what_a_server_can_do(client: A2AClient, server: str) -> None:
    (card,) = await client.does(server, "card")
    skill, *_ = (WRITERS | CALLS)[server]
    assert card["name"] == server
    assert skill in {one["id"] for one in card["skills"]}


@pytest.mark.parametrize("server", CALLS)
@pytest.mark.parametrize("action", ["call", "stream"])
async def test_a_short_skill_gives_one_message(client: A2AClient, server: str, action: str) -> None:
    skill, ask, field = CALLS[server]
    (message,) = await client.does(server, action, skill, ask)
    assert message["kind"] == "message"
    assert field in message["parts"][0]


@pytest.mark.parametrize("server", WRITERS)
async def test_an_answer_comes_as_a_finished_task(client: A2AClient, federation: Federation, server: str) -> None:
    federation.says(Reply(ANSWER))
    (task,) = await client.does(server, "call", *WRITERS[server])
    answer, result = task["artifacts"]
    assert task["state"] == "TASK_STATE_COMPLETED"
    assert "".join(answer["parts"]) == "".join(ANSWER)
    assert "".join(ANSWER) in result["parts"][0].values()


@pytest.mark.parametrize("server", WRITERS)
async def test_an_answer_streams(client: A2AClient, federation: Federation, server: str) -> None:
    federation.says(Reply(ANSWER))
    events = await client.does(server, "stream", *WRITERS[server])
    assert text(events) == "".join(ANSWER)
    assert states(events) == ["SUBMITTED", "WORKING", "COMPLETED"]
    assert events[-2]["artifact"] == "result"


@pytest.mark.parametrize("server", WRITERS)
async def test_a_cancel_reaches_the_model(client: A2AClient, federation: Federation, server: str) -> None:
    federation.model.hung_up.clear()
    federation.says(Reply(ANSWER, hangs=True))
    events = await client.does(server, "cancel", *WRITERS[server])
    assert (events[-1]["kind"], events[-1]["state"]) == ("task", "TASK_STATE_CANCELED")
    async with asyncio.timeout(BOUND):
        await federation.model.hung_up.wait()


@pytest.mark.parametrize("server", WRITERS)
async def test_a_stream_that_was_left_is_taken_up_again(client: A2AClient, federation: Federation, server: str) -> None:
    gate = asyncio.Event()
    federation.says(Reply(ANSWER, gate=gate))
    events = []
    async with aclosing(client.events(server, "resubscribe", *WRITERS[server])) as seen:
        async for event in seen:
            events.append(event)
            if event["kind"] == "task" and event["state"] == "TASK_STATE_WORKING":
                gate.set()  # it has come back, and sees the task as it stands
    back = next(event for event in events if event["kind"] == "task" and event["state"] == "TASK_STATE_WORKING")
    assert back["artifacts"] == [{"artifact": "answer", "parts": [ANSWER[0]]}]
    assert text(events) == "".join(ANSWER)
    assert states(events)[-1] == "COMPLETED"


async def test_ingestion_streams_its_progress(client: A2AClient) -> None:
    events = await client.does("ingestion", "stream", "ingest", {"filename": "lamp.txt", "text": "The lamp is red."})
    assert states(events) == ["SUBMITTED", "WORKING", "COMPLETED"]
    assert events[-2]["parts"][0]["status"] == "completed"


async def test_an_ingestion_that_was_left_is_taken_up_again(client: A2AClient) -> None:
    events = await client.does("ingestion", "resubscribe", "ingest", book("pumps"))
    back = next(number for number, event in enumerate(events) if number and event["kind"] == "task")
    assert len(events) - back > 2
    assert states(events) == ["SUBMITTED", "WORKING", "COMPLETED"]
    assert events[-2]["parts"][0]["status"] == "completed"


async def test_a_cancelled_ingestion_stops(client: A2AClient, federation: Federation) -> None:
    events = await client.does("ingestion", "cancel", "ingest", book("taps"))
    assert events[-1]["state"] == "TASK_STATE_CANCELED"
    async with httpx.AsyncClient(base_url=federation.url, trust_env=False) as http:
        listed = (await http.get("/v1/documents")).json()
    assert {one["filename"]: one["status"] for one in listed["items"]}["taps.txt"] == "cancelled"


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("action", ["cancel unknown", "resubscribe unknown"])
async def test_a_task_that_there_is_not_is_said_not_to_be_there(client: A2AClient, server: str, action: str) -> None:
    (error,) = await client.does(server, action)
    assert (error["kind"], error["name"]) == ("error", "JsonRpcTaskNotFoundError")
