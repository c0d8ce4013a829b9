"""A federation whose answers come from a model: streamed through, cancelled through, replaced when it is away."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from runtime.federation import running
from runtime.settings import Settings
from tests.chatting import Reply, chatting
from tests.journeys.conftest import ingested

NOTE = b"The valve opens at four bar. It closes again at three bar, and a lamp shows that it is shut."
NO_MORE = Reply(status=400, body={"error": {"message": "no more"}})
ASK = {"query": "When does the valve open?"}


def settings(data: Path, url: str) -> Settings:
    return Settings(data=data, answers_url=f"openai:{url}", answers_model="small", openai_api_key="sk-none")


async def events_of(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    async with http.stream("POST", "/v1/queries", json=ASK) as stream:
        return [
            json.loads(line.removeprefix("data: ")) async for line in stream.aiter_lines() if line.startswith("data: {")
        ]


async def test_a_models_words_stream_through_with_its_usage(tmp_path: Path) -> None:
    async with (
        chatting(Reply(["The valve opens ", "at four bar [0]."]), NO_MORE) as model,
        running(settings(tmp_path, model.url)) as (url, _),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
    ):
        await ingested(http, "valve.txt", NOTE)
        events = await events_of(http)
    text = "".join(event["content"] for event in events if event["event"] == "token")
    assert text == "The valve opens at four bar [0]."
    citations = next(event["citations"] for event in events if event["event"] == "citations")
    assert [(citation["marker"], citation["verified"]) for citation in citations] == [("[0]", True)]
    assert events[-1]["usage"] == {"input_tokens": 11, "output_tokens": 7}


async def test_a_cancelled_question_hangs_up_on_the_model(tmp_path: Path) -> None:
    async with (
        chatting(Reply(["The valve ", "opens."], hangs=True)) as model,
        running(settings(tmp_path, model.url)) as (url, _),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
    ):
        await ingested(http, "valve.txt", NOTE)
        query_id = ""
        async with asyncio.timeout(30), http.stream("POST", "/v1/queries", json=ASK) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line.removeprefix("data: "))
                query_id = event.get("query_id", query_id)
                if event["event"] == "token":
                    ended = (await http.post(f"/v1/queries/{query_id}/cancel")).json()
        assert (event["event"], event["status"]) == ("done", "cancelled")
        assert ended["status"] == "cancelled"
        async with asyncio.timeout(20):
            await model.hung_up.wait()


async def test_a_model_that_is_away_is_replaced_and_the_answer_says_so(tmp_path: Path) -> None:
    refusal = Reply(status=401, body={"error": {"message": "bad key"}})
    async with (
        chatting(*[refusal] * 8) as model,
        running(settings(tmp_path, model.url)) as (url, _),
        httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
    ):
        await ingested(http, "valve.txt", NOTE)
        answer = await http.post("/v1/queries", json=ASK, headers={"Accept": "application/json"})
    run = answer.json()
    assert (run["status"], run["kind"]) == ("completed", "extractive")
    assert run["warnings"] == ["Generated with simplified model"]
    assert "four bar" in run["answer"]


async def test_a_question_asked_over_a2a_is_taken_up_again_when_the_host_was_closed_meanwhile(tmp_path: Path) -> None:
    message = {"role": "ROLE_USER", "messageId": "m1", "parts": [{"text": ASK["query"]}]}
    params = {"message": message, "configuration": {"returnImmediately": True}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": params}
    async with chatting(Reply(["The valve "], hangs=True), Reply(["The valve opens at four bar [0]."])) as model:
        chosen = settings(tmp_path, model.url)
        async with (
            running(chosen) as (url, _),
            httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
            asyncio.timeout(60),
        ):
            await ingested(http, "valve.txt", NOTE)
            await http.post("/a2a", json=request, headers={"A2A-Version": "1.0"})
            while not model.bodies:
                await asyncio.sleep(0.05)
        model.bodies.clear()
        async with running(chosen), asyncio.timeout(60):
            while not model.bodies:
                await asyncio.sleep(0.05)
    assert ASK["query"] in json.dumps(model.bodies[0])
