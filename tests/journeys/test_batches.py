"""Many short texts handed in at once over HTTP: told line by line, searchable at the end, never twice."""

from __future__ import annotations

import json

import httpx
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NDJSON = {"content-type": "application/x-ndjson"}


def body(*texts: dict[str, str]) -> str:
    return "".join(json.dumps(text) + "\n" for text in texts)


async def sent(http: httpx.AsyncClient, content: str) -> list[dict[str, object]]:
    answer = await http.post("/v1/documents/batch", content=content, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_batch_is_searchable_once_it_is_answered(http: httpx.AsyncClient) -> None:
    texts = [{"id": f"{n}", "title": f"Crane {n}", "text": f"Crane {n} lifts {n + 500} tonnes."} for n in range(130)]
    outcomes = await sent(http, body(*texts, {"id": "empty", "text": ""}))
    assert [one["line"] for one in outcomes] == list(range(1, 132))
    assert {one["status"] for one in outcomes[:-1]} == {"completed"}
    assert outcomes[-1]["error"]["code"] == "document.unreadable"  # type: ignore[index]
    run = await http.post(
        "/v1/queries", json={"query": "How much does crane 57 lift?"}, headers={"accept": "application/json"}
    )
    assert run.json()["citations"][0]["doc"] == "57.txt"
    document = (await http.get(f"/v1/documents/{outcomes[57]['doc_id']}")).json()
    assert (document["filename"], document["status"], document["pages"]) == ("57.txt", "completed", 1)
    original = await http.get(f"/v1/documents/{outcomes[57]['doc_id']}/file")
    assert original.text == "Crane 57 lifts 557 tonnes."

    again = await sent(http, body(*texts[:3]))
    assert [(one["doc_id"], one["is_new"]) for one in again] == [(one["doc_id"], False) for one in outcomes[:3]]


async def test_nothing_is_taken_of_a_batch_with_a_fault(http: httpx.AsyncClient) -> None:
    content = body({"id": "fine", "text": "A batch with a fault is not taken."}) + '{"id": "b"}\n'
    answer = await http.post("/v1/documents/batch", content=content, headers=NDJSON)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert "line 2" in answer.json()["detail"]
    listed = (await http.get("/v1/documents", params={"limit": 100})).json()["items"]
    assert "fine.txt" not in {document["filename"] for document in listed}


async def test_another_kind_of_body_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/documents/batch", json={"text": "x"})
    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.json()["detail"]
