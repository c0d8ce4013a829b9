"""The tutorial's own requests, typed as they stand there."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hosts.orchestrator.settings import HostSettings
from tests.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(("probe", "word"), [("ready", "ready"), ("live", "alive"), ("startup", "started")])
async def test_health_says_exactly_one_word(http: httpx.AsyncClient, probe: str, word: str) -> None:
    answer = await http.get(f"/health/{probe}")
    assert answer.status_code == 200
    assert answer.text == json.dumps({"status": word}, separators=(",", ":"))


async def test_a_multipart_upload_is_accepted_with_its_ids(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    assert manual["doc_id"].startswith("doc_")
    assert manual["actor_id"] == f"ingestion_{manual['doc_id']}"
    assert (manual["status"], manual["progress"]) == ("completed", 100)


async def test_a_json_upload_by_url_is_answered_before_the_file_is_fetched(http: httpx.AsyncClient) -> None:
    refused = await http.post(
        "/v1/documents", json={"filename": "x.pdf", "presigned_url": "https://bucket.example/x.pdf"}
    )
    assert refused.status_code == 403
    assert "AGENTRAG_FETCH_HOSTS" in refused.json()["detail"]


def data_of(lines: list[str]) -> list[Any]:
    """The data lines of an event stream; all but the closing word are JSON."""
    texts = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [text if text == "[DONE]" else json.loads(text) for text in texts]


async def asked(http: httpx.AsyncClient, question: str, **headers: str) -> list[Any]:
    async with http.stream("POST", "/v1/queries", json={"query": question}, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        return data_of([line async for line in stream.aiter_lines()])


async def test_a_question_streams_the_tutorials_events(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    events = await asked(http, "What must be done before the machine is cleaned?", Accept="*/*")
    assert events[-1] == "[DONE]"
    events = events[:-1]
    kinds = [event["event"] for event in events]
    assert kinds[0] == "accepted"
    assert kinds[-1] == "done"
    steps = [(event["agent"], event["message"]) for event in events if event["event"] == "agent_update"]
    assert steps[0] == ("retrieval", "Searching...")
    assert ("retrieval", "Found 5 chunks") in steps
    assert ("synthesis", "Generating answer...") in steps
    tokens = [event for event in events if event["event"] == "token"]
    assert tokens[0].keys() == {"event", "content"}
    citations = next(event["citations"] for event in events if event["event"] == "citations")
    assert citations[0]["doc"] == "manual.pdf"
    assert 1 <= citations[0]["page"] <= manual["pages"]
    order = [kind for kind in dict.fromkeys(kinds) if kind != "agent_update"]
    assert order == ["accepted", "sources", "token", "citations", "confidence", "related", "done"]


async def test_plain_json_comes_only_for_an_explicit_accept(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    answer = await http.post(
        "/v1/queries", json={"query": "How often is the filter changed?"}, headers={"Accept": "application/json"}
    )
    run = answer.json()
    assert answer.status_code == 200
    assert run["status"] == "completed"
    assert run["trace_id"] == answer.headers["x-trace-id"]
    assert len(run["related"]) == 3
    for citation in run["citations"]:
        assert citation["marker"] in run["answer"]
        assert citation["verified"]


async def test_any_bearer_is_ignored_on_loopback(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/documents", headers={"Authorization": "Bearer whatever"})
    assert answer.status_code == 200


async def test_a_presigned_url_is_fetched_when_its_host_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    from hosts.orchestrator import app as host_app

    async def file(_: Request) -> Response:
        return Response(b"# Notes\n\nThe valve opens at 7 bar.\n")

    async with serving(Starlette(routes=[Route("/notes.md", file)])) as store:
        settings = HostSettings(data=tmp_path_factory.mktemp("url"), fetch_hosts=(store.removeprefix("http://"),))
        host = host_app.create_host(settings, None, {"ingestion": "http://127.0.0.1:9"})
        async with serving(host.app()) as url, httpx.AsyncClient(base_url=url) as http:
            body = {"filename": "notes.md", "presigned_url": f"{store}/notes.md"}
            answer = await http.post("/v1/documents", json=body)
            assert answer.status_code == 202
            assert answer.json().keys() >= {"doc_id", "status", "actor_id"}
            assert answer.json()["status"] == "pending"
            async with asyncio.timeout(20):
                while True:
                    read = (await http.get(f"/v1/documents/{answer.json()['doc_id']}")).json()
                    if read["size_bytes"]:
                        break
                    await asyncio.sleep(0.05)
    assert read["size_bytes"] == 35
