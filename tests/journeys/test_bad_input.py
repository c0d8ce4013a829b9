"""Bad input gets a clear error, the service stays up, and nothing is half written."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pypdf import PdfReader, PdfWriter

from tests.journeys.conftest import MANUAL

pytestmark = pytest.mark.asyncio(loop_scope="module")


def encrypted() -> bytes:
    writer = PdfWriter(clone_from=PdfReader(MANUAL))
    writer.encrypt("secret")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def without_pages() -> bytes:
    out = io.BytesIO()
    PdfWriter().write(out)
    return out.getvalue()


def bomb() -> bytes:
    """A small file whose page's content unpacks to some hundreds of megabytes."""
    import zlib

    content = zlib.compress(zlib.compress(b"BT (a) Tj ET " * 40_000_000, 9), 9)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 100 100] /Contents 4 0 R >>",
        b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n%s\nendstream" % (len(content), content),
    ]
    out, places = bytearray(b"%PDF-1.5\n"), []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


FILES = {
    "encrypted": (encrypted, "password"),
    "truncated": (lambda: MANUAL.read_bytes()[:6000], "damaged"),
    "without pages": (without_pages, "no pages"),
    "a bomb": (bomb, ""),
}


@pytest.mark.parametrize("kind", FILES)
async def test_a_pdf_that_cannot_be_read_fails_with_its_reason(http: httpx.AsyncClient, ingest: Any, kind: str) -> None:
    make, words = FILES[kind]
    document = await ingest(http, f"{kind}.pdf", make())
    assert document["status"] == "failed", document
    assert words in document["error"]["detail"]
    assert document["chunks"] is None
    assert "Traceback" not in document["error"]["detail"]
    assert (await http.get("/health/ready")).status_code == 200
    removed = await http.delete(f"/v1/documents/{document['doc_id']}")
    assert removed.status_code == 200


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("empty.pdf", b"", 422, "is empty"),
        ("program.exe", b"MZ", 415, "cannot be read"),
        ("picture.pdf", b"\x89PNG\r\n", 415, "content is something else"),
        ("", b"text", 422, "part `file`"),
    ],
)
async def test_a_file_that_cannot_be_taken_in_leaves_nothing_behind(
    http: httpx.AsyncClient, name: str, content: bytes, status: int, words: str
) -> None:
    before = (await http.get("/v1/documents?limit=100")).json()["items"]
    answer = await http.post("/v1/documents", files={"file": (name, content)})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    assert (await http.get("/v1/documents?limit=100")).json()["items"] == before


async def test_a_path_in_a_file_name_is_only_a_name(http: httpx.AsyncClient, ingest: Any) -> None:
    document = await ingest(http, "../../x.txt", b"The valve opens at seven bar. It closes again at five.")
    assert (document["status"], document["filename"]) == ("completed", "x.txt")
    await http.delete(f"/v1/documents/{document['doc_id']}")


async def test_two_hundred_megabytes_are_refused(http: httpx.AsyncClient, address: str) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="big.pdf"\r\n\r\n%PDF-1.7\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}

    async def body(megabytes: int) -> AsyncIterator[bytes]:
        yield head
        for _ in range(megabytes):
            yield b" " * 1024 * 1024
        yield b"\r\n--b--\r\n"

    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /v1/documents HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {200 * 1024**2}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode()
    )
    declared = await asyncio.wait_for(reader.readline(), 10)
    assert declared.startswith(b"HTTP/1.1 413")
    writer.close()
    middle = await http.post("/v1/documents", headers=headers, content=body(110))
    assert middle.status_code == 413
    assert "104857600" in middle.json()["detail"]
    assert (await http.get("/health/ready")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/queries", {"query": "x" * 501}, 422, "request.invalid"),
        ("POST", "/v1/queries", {"query": ""}, 422, "request.invalid"),
        ("POST", "/v1/queries", {"question": "x"}, 422, "request.invalid"),
        ("POST", "/v1/queries", {"query": "x", "alpha": 2}, 422, "request.invalid"),
        ("POST", "/v1/queries", b"{bad", 400, "request.malformed"),
        ("POST", "/v1/queries", b"[" * 100_000, 400, "request.malformed"),
        ("POST", "/v1/documents", b"x", 415, "document.unsupported"),
        ("GET", "/v1/documents/doc_nothing", None, 404, "not_found"),
        ("GET", "/v1/documents/%2e%2e%2fx", None, 404, "not_found"),
        ("GET", "/v1/documents?limit=0", None, 422, "request.invalid"),
        ("GET", "/v1/documents?cursor=zzz", None, 422, "request.invalid"),
        ("GET", "/v1/documents?status=odd", None, 422, "request.invalid"),
        ("GET", "/v1/queries/q_nothing", None, 404, "not_found"),
        ("GET", "/v1/queries/q_nothing/events", None, 404, "not_found"),
        ("POST", "/v1/queries/q_nothing/cancel", None, 404, "not_found"),
        ("DELETE", "/v1/documents/doc_nothing", None, 404, "not_found"),
        ("PUT", "/v1/documents", None, 405, "request.method"),
        ("GET", "/v1/nowhere", None, 404, "not_found"),
    ],
)
async def test_a_bad_request_is_a_problem_with_its_code(
    http: httpx.AsyncClient, method: str, path: str, body: Any, status: int, code: str
) -> None:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = await http.request(method, path, **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code
    assert problem["trace_id"] == answer.headers["x-trace-id"]


async def test_a_page_that_is_not_there_is_not_found(http: httpx.AsyncClient, manual: dict[str, Any]) -> None:
    answer = await http.get(f"/v1/documents/{manual['doc_id']}/pages/99/image")
    assert answer.status_code == 404
    assert "it has" in answer.json()["detail"]
