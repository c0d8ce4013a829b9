"""What every part of the HTTP API keeps to: keys, tags, cursors, methods, names, headers for browsers."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTION = {"query": "How often is the filter changed?"}
AS_JSON = {"Accept": "application/json"}


def key() -> dict[str, str]:
    """A header with a key that nobody used before."""
    return {"Idempotency-Key": uuid.uuid4().hex}


# Idempotency-Key


async def test_a_question_with_the_same_key_is_asked_once(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    headers = key() | {"Prefer": "respond-async"}
    first = await http.post("/v1/queries", json=QUESTION, headers=headers)
    again = await http.post("/v1/queries", json=QUESTION, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]
    other = await http.post("/v1/queries", json=QUESTION, headers=key() | {"Prefer": "respond-async"})
    assert other.headers["location"] != first.headers["location"]


async def test_a_repeated_question_can_be_heard_as_a_stream_and_as_json(
    http: httpx.AsyncClient, manual: dict[str, Any]
) -> None:
    headers = key()
    streamed = await http.post("/v1/queries", json=QUESTION, headers=headers)
    whole = await http.post("/v1/queries", json=QUESTION, headers=headers | AS_JSON)
    again = await http.post("/v1/queries", json=QUESTION, headers=headers)
    assert f'"query_id":"{whole.json()["query_id"]}"' in streamed.text
    assert whole.headers["location"] == streamed.headers["location"] == again.headers["location"]
    assert again.text.rstrip().endswith("data: [DONE]")


async def test_quotes_around_a_key_are_no_part_of_it(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    word = uuid.uuid4().hex
    places = [
        (
            await http.post(
                "/v1/queries", json=QUESTION, headers={"Idempotency-Key": written, "Prefer": "respond-async"}
            )
        ).headers["location"]
        for written in (word, f'"{word}"')
    ]
    assert places[0] == places[1]


async def test_a_key_that_comes_with_another_request_is_refused(
    http: httpx.AsyncClient, manual: dict[str, Any]
) -> None:
    headers = key() | {"Prefer": "respond-async"}
    await http.post("/v1/queries", json=QUESTION, headers=headers)
    for answer in (
        await http.post("/v1/queries", json={"query": "Something else?"}, headers=headers),
        await http.post("/v1/documents", files={"file": ("a.txt", b"The valve opens at 7 bar.")}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "request.key_reused")


async def test_an_upload_with_the_same_key_is_answered_as_the_first_time(http: httpx.AsyncClient) -> None:
    headers, file = key(), {"file": ("key.txt", f"The word is {uuid.uuid4().hex}. Keep it.".encode())}
    first = await http.post("/v1/documents", files=file, headers=headers)
    again = await http.post("/v1/documents", files=file, headers=headers)
    without = await http.post("/v1/documents", files=file)
    assert (first.status_code, again.status_code, without.status_code) == (202, 202, 200)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    other = await http.post("/v1/documents", files={"file": ("key.txt", b"Other bytes.")}, headers=headers)
    assert other.status_code == 422


async def test_of_requests_with_one_key_at_the_same_time_one_is_done(http: httpx.AsyncClient) -> None:
    headers, file = key(), {"file": ("same.txt", b"The lamp is green. " * 50_000)}
    answers = await asyncio.gather(*(http.post("/v1/documents", files=file, headers=headers) for _ in range(6)))
    done = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 409]
    assert len(done) + len(refused) == 6
    assert len({answer.content for answer in done}) == 1
    for answer in refused:
        assert (answer.json()["code"], answer.json()["retryable"]) == ("request.in_progress", True)
        assert int(answer.headers["retry-after"]) > 0
    assert (await http.post("/v1/documents", files=file, headers=headers)).content == done[0].content


async def test_a_refused_request_may_be_mended_and_sent_again_with_its_key(http: httpx.AsyncClient) -> None:
    headers = key()
    refused = await http.post("/v1/documents", files={"file": ("odd.exe", b"MZ")}, headers=headers)
    mended = await http.post("/v1/documents", files={"file": ("odd.txt", b"The mend holds well.")}, headers=headers)
    assert (refused.status_code, mended.status_code) == (415, 202)


async def test_a_document_is_done_again_once_for_one_key(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    headers, path = key(), f"/v1/documents/{manual['doc_id']}"
    first = await http.post(f"{path}/reprocess", headers=headers)
    again = await http.post(f"{path}/reprocess", headers=headers)
    assert (first.status_code, again.content) == (202, first.content)
    async with http.stream("GET", f"{path}/events", timeout=120) as stream:
        async for _ in stream.aiter_lines():
            pass
    assert (await http.get(path)).json()["status"] == "completed"


# entity tags


async def test_what_was_read_is_not_sent_again(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    run = await http.post("/v1/queries", json=QUESTION, headers=AS_JSON)
    for path in (
        "/v1/documents",
        f"/v1/documents/{manual['doc_id']}",
        f"/v1/documents/{manual['doc_id']}/file",
        f"/v1/documents/{manual['doc_id']}/pages/1/image?width=200",
        run.headers["location"],
        "/openapi.json",
        "/docs",
    ):
        first = await http.get(path)
        tag = first.headers["etag"]
        for known in (tag, f'"other", W/{tag}', "*"):
            again = await http.get(path, headers={"If-None-Match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag), path
            assert again.headers["cache-control"] == first.headers["cache-control"]
        assert (await http.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_only_what_was_seen_is_changed(http: httpx.AsyncClient, ingest: Any) -> None:
    document = await ingest(http, "tagged.txt", b"The tag tells one state from the next.")
    path = f"/v1/documents/{document['doc_id']}"
    tag = (await http.get(path)).headers["etag"]
    for method, place in (("POST", f"{path}/reprocess"), ("POST", f"{path}/cancel"), ("DELETE", path)):
        stale = await http.request(method, place, headers={"If-Match": f'"old", W/{tag}'})
        assert (stale.status_code, stale.json()["code"]) == (412, "precondition.failed")
    assert (await http.get(path)).headers["etag"] == tag
    assert (await http.delete(path, headers={"If-Match": tag})).status_code == 200
    assert (await http.delete(path, headers={"If-Match": "*"})).status_code == 404


async def test_a_run_that_went_on_is_not_cancelled_unseen(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    place = (await http.post("/v1/queries", json=QUESTION, headers=AS_JSON)).headers["location"]
    tag = (await http.get(place)).headers["etag"]
    assert (await http.post(f"{place}/cancel", headers={"If-Match": '"before"'})).status_code == 412
    assert (await http.post(f"{place}/cancel", headers={"If-Match": tag})).json()["status"] == "completed"


# pages


async def test_the_next_page_is_linked(http: httpx.AsyncClient, ingest: Any) -> None:
    for number in range(3):
        await ingest(http, f"page{number}.txt", f"Page number {number} is short.".encode())
    page = await http.get("/v1/documents?limit=2&status=completed")
    following = await http.get(page.links["next"]["url"])
    assert "status=completed" in page.links["next"]["url"]
    seen = [item["doc_id"] for answer in (page, following) for item in answer.json()["items"]]
    assert len(seen) == len(set(seen)) >= 3
    assert "link" not in (await http.get("/v1/documents?limit=100")).headers


@pytest.mark.parametrize(
    "cursor",
    ["zzz", "%00", "WyIyMDI2LTAxLTAxIiwiXHVkODAwIl0", "WyIwMDAxLTAxLTAxVDAwOjAwKzIzOjAwIiwieCJd", "x" * 513],
    ids=["odd", "zero", "half a character", "before all time", "long"],
)
async def test_a_broken_cursor_is_refused(http: httpx.AsyncClient, cursor: str) -> None:
    answer = await http.get(f"/v1/documents?cursor={cursor}")
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


# names and methods


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/v1/documents?limits=5", "/query/limits"),
        ("/v1/documents?limit=5&limit=6", "/query/limit"),
        ("/v1/documents?limit=x", "/query/limit"),
        ("/v1/events?x=1", "/query/x"),
        ("/v1/documents?status=odd", "/query/status"),
    ],
)
async def test_a_parameter_that_is_not_understood_is_named(http: httpx.AsyncClient, path: str, pointer: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 422
    assert [flaw["pointer"] for flaw in answer.json()["errors"]] == [pointer]


async def test_a_header_over_its_limit_is_named(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/queries", json=QUESTION, headers={"Idempotency-Key": "x" * 201})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/header/Idempotency-Key"


async def test_a_path_that_no_resource_can_have_is_not_found(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    for path in ("/v1/documents/doc%20x", f"/v1/documents/{manual['doc_id']}/pages/one/image", "/v1/queries/q.1"):
        assert (await http.get(path)).status_code == 404


async def test_a_path_says_which_methods_it_has(http: httpx.AsyncClient) -> None:
    wrong = await http.put("/v1/documents")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert wrong.headers["content-type"] == "application/problem+json"
    asked = await http.options("/v1/documents")
    assert (asked.status_code, asked.headers["allow"]) == (204, wrong.headers["allow"])


async def test_head_gives_the_headers_of_get_and_ends(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    document = f"/v1/documents/{manual['doc_id']}"
    for path in (document, f"{document}/file", "/v1/events", "/openapi.json", "/health/live"):
        head = await http.head(path, timeout=10)
        assert (head.status_code, head.content) == (200, b"")
        assert "x-trace-id" in head.headers
    whole = await http.get(document)
    head = await http.head(document)
    assert [head.headers[name] for name in ("etag", "content-length")] == [
        whole.headers[name] for name in ("etag", "content-length")
    ]
    assert (await http.head(f"{document}x")).status_code == 404


async def test_a_form_that_cannot_be_read_is_a_problem(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = await http.post("/v1/documents", content=b"--b\r\nodd--b--\r\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")


# browsers


async def test_every_response_tells_browsers_what_it_may_do(
    http: httpx.AsyncClient, address: str, manual: dict[str, Any]
) -> None:
    for path in (
        "/v1/documents",
        "/v1/nowhere",
        "/health/live",
        "/metrics",
        "/docs",
        f"/v1/documents/{manual['doc_id']}/file",
        "/agents/retrieval/health/live",
        "/agents/retrieval/nowhere",
        "/mcp",
    ):
        answer = await http.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "Origin" in answer.headers["vary"]
        assert "strict-transport-security" not in answer.headers
    for odd in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        refused = await http.get("/v1/documents", headers=odd)
        assert refused.status_code in {403, 421}
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in refused.headers


async def test_pages_of_this_machine_may_call_and_read(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    origin = "http://localhost:3000"
    asked = await http.options(
        "/v1/queries",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type, idempotency-key",
        },
    )
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == origin
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert asked.headers["access-control-allow-headers"] == "content-type, idempotency-key"
    answer = await http.get("/v1/documents", headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert {"ETag", "Location", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_problem_is_not_kept(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/documents/doc_nothing")
    assert answer.headers["cache-control"] == "no-store"
    assert json.loads(answer.text)["instance"] == "/v1/documents/doc_nothing"
