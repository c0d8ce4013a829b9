"""The life of a document over HTTP: watched, read, shown, done again, stopped, removed."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.journeys.conftest import MANUAL

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def watched(http: httpx.AsyncClient, doc_id: str) -> list[dict[str, Any]]:
    """Every state that a watcher is told until the end."""
    async with http.stream("GET", f"/v1/documents/{doc_id}/events", timeout=120) as stream:
        return [
            json.loads(line.removeprefix("data: "))["document"]
            async for line in stream.aiter_lines()
            if line.startswith("data: ")
        ]


def long_text(lines: int) -> bytes:
    return "\n\n".join(f"Section {n}. The pump number {n} runs at {n} bar and stops." for n in range(lines)).encode()


async def test_a_watcher_hears_every_stage_in_order(http: httpx.AsyncClient) -> None:
    created = await http.post("/v1/documents", files={"file": ("pumps.txt", long_text(300))})
    assert created.status_code == 202
    assert created.headers["location"] == f"/v1/documents/{created.json()['doc_id']}"
    states = await watched(http, created.json()["doc_id"])
    stages = list(dict.fromkeys(state["stage"] for state in states))
    order = ["waiting", "extracting", "chunking", "embedding", "indexing", "done"]
    assert stages == [stage for stage in order if stage in stages]
    assert {"embedding", "done"} <= set(stages)
    assert [state["progress"] for state in states] == sorted(state["progress"] for state in states)
    assert states[-1]["status"] == "completed"
    assert states[-1]["paging"] in {"by section", "by size"}


async def test_a_document_done_again_is_watched_to_its_new_end(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    before = (await http.get(f"/v1/documents/{manual['doc_id']}")).json()
    again = await http.post(f"/v1/documents/{manual['doc_id']}/reprocess")
    assert (again.status_code, again.json()["status"]) == (202, "pending")
    states = await watched(http, str(manual["doc_id"]))
    assert states[0]["status"] != "completed"
    assert states[-1]["status"] == "completed"
    after = (await http.get(f"/v1/documents/{manual['doc_id']}")).json()
    assert after["updated_at"] > before["updated_at"]
    assert (after["chunks"], after["version_id"]) == (before["chunks"], before["version_id"])


async def test_the_original_comes_back_byte_for_byte(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    answer = await http.get(f"/v1/documents/{manual['doc_id']}/file")
    assert answer.content == MANUAL.read_bytes()
    assert answer.headers["content-type"] == "application/pdf"
    cached = await http.get(f"/v1/documents/{manual['doc_id']}/file", headers={"If-None-Match": answer.headers["etag"]})
    assert cached.status_code == 304


async def test_a_page_is_a_picture_with_a_strong_etag(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    url = f"/v1/documents/{manual['doc_id']}/pages/2/image"
    plain = await http.get(url)
    marked = await http.get(url, params={"quote": "keep hands", "width": 600})
    assert plain.headers["content-type"] == "image/webp"
    assert plain.content[8:12] == b"WEBP"
    assert marked.content != plain.content
    assert marked.headers["etag"] != plain.headers["etag"]
    cached = await http.get(url, headers={"If-None-Match": plain.headers["etag"]})
    assert cached.status_code == 304


async def test_a_document_has_a_small_picture(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    url = f"/v1/documents/{manual['doc_id']}/thumbnail"
    small = await http.get(url)
    assert small.headers["content-type"] == "image/webp"
    assert small.content[8:12] == b"WEBP"
    assert (await http.get(url, headers={"If-None-Match": small.headers["etag"]})).status_code == 304
    missing = await http.get("/v1/documents/doc_nowhere/thumbnail")
    assert missing.status_code == 404


async def test_a_cancelled_document_leaves_no_chunks_and_can_be_done_again(http: httpx.AsyncClient) -> None:
    created = (await http.post("/v1/documents", files={"file": ("long.txt", long_text(4000))})).json()
    stopped = await http.post(f"/v1/documents/{created['doc_id']}/cancel")
    assert stopped.status_code == 200, stopped.text
    assert stopped.json()["status"] == "cancelled"
    conflict = await http.post(f"/v1/documents/{created['doc_id']}/cancel")
    assert conflict.json()["status"] == "cancelled"
    removed = await http.delete(f"/v1/documents/{created['doc_id']}")
    assert removed.json() == {"doc_id": created["doc_id"], "chunks": 0}


async def test_a_removed_document_is_not_found_by_any_question(http: httpx.AsyncClient, ingest: Any) -> None:
    text = b"The zanzibar lever sits behind the left panel. Turn the zanzibar lever twice to open the gate."
    document = await ingest(http, "lever.txt", text)
    ask = {"query": "Where does the zanzibar lever sit?"}
    accept = {"Accept": "application/json"}
    found = (await http.post("/v1/queries", json=ask, headers=accept)).json()
    assert [citation["doc"] for citation in found["citations"]][:1] == ["lever.txt"]
    await http.delete(f"/v1/documents/{document['doc_id']}")
    gone = (await http.post("/v1/queries", json=ask, headers=accept)).json()
    assert "lever.txt" not in {source["doc"] for source in gone["sources"]}


async def test_documents_are_listed_page_by_page(http: httpx.AsyncClient, manual: dict[str, Any], ingest: Any) -> None:
    for number in range(3):
        await ingest(http, f"note{number}.txt", f"Note number {number} says that the valve stays shut.".encode())
    names, cursor = [], ""
    for _ in range(10):
        page = (await http.get("/v1/documents", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        names += [item["filename"] for item in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert names[:3] == ["note2.txt", "note1.txt", "note0.txt"]
    assert "manual.pdf" in names
    assert len(names) == len(set(names))


async def test_a_cancelled_question_ends_and_stays_cancelled(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    begun = await http.post(
        "/v1/queries", json={"query": "How often is the filter cleaned?"}, headers={"Prefer": "respond-async"}
    )
    assert begun.status_code == 202
    query_id = begun.json()["query_id"]
    ended = (await http.post(f"/v1/queries/{query_id}/cancel")).json()
    assert ended["status"] in {"cancelled", "completed"}
    replayed = await http.get(f"/v1/queries/{query_id}/events")
    last = [json.loads(line[6:]) for line in replayed.text.splitlines() if line.startswith("data: {")][-1]
    assert (last["event"], last["status"]) == ("done", ended["status"])


async def test_a_conversation_remembers_its_turns(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    accept = {"Accept": "application/json"}
    first = (await http.post("/v1/queries", json={"query": "What are the safety warnings?"}, headers=accept)).json()
    second = (
        await http.post(
            "/v1/queries",
            json={"query": "Who must have read them?", "conversation_id": first["conversation_id"]},
            headers=accept,
        )
    ).json()
    assert second["conversation_id"] == first["conversation_id"]
    assert second["status"] == "completed"
