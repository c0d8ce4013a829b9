"""Documents over HTTP: hand in, list, read, watch, show, do again, remove."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.responses import Response, StreamingResponse

from hosts.orchestrator import upload
from hosts.orchestrator.operations import Exchange, Handler, Operation, body_of
from hosts.orchestrator.progress import DocumentStream, all_documents, followed
from hosts.orchestrator.routes.queries import shown
from hosts.orchestrator.routes.sse import streamed
from runtime.errors import InvalidInputError, MalformedRequestError, NotFoundError, UnsupportedMediaError
from runtime.intake import original_key
from schemas.document import Document, Documents, Status
from schemas.event import DocumentEvent
from schemas.message import Message
from schemas.skills import CANCEL, DELETE, PAGE_IMAGE, READ_DOCUMENTS, WRITE_DOCUMENTS, Deleted, DocumentRef, ShowPage

PIECE_BYTES = 1024 * 1024
STATUSES: tuple[Status, ...] = ("pending", "processing", "completed", "failed", "cancelled")


class UrlUpload(Message):
    """A document to be fetched from where it lies."""

    filename: str = Field(min_length=1, max_length=255)
    presigned_url: str = Field(min_length=1, max_length=8192)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece


async def create(exchange: Exchange) -> Response:
    """Take a document in: `multipart/form-data` with the part `file`, or JSON that names where it lies."""
    request = exchange.request
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        asked = await body_of(request, UrlUpload)
        document = await upload.receive_url(exchange.host, exchange.caller, asked.filename, asked.presigned_url)
        return _accepted(document, is_new=True)
    if kind != "multipart/form-data":
        raise UnsupportedMediaError(
            f"the body is {kind or 'of no type'!r}; send multipart/form-data with a part `file`"
        )
    try:
        form = await request.form(max_files=1, max_fields=10)
    except MultiPartException as error:
        raise MalformedRequestError(f"the form cannot be read: {error.message}; send one part `file`") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("the form has no part `file` with a file name; send the document in it")
        document, is_new = await upload.receive(exchange.host, exchange.caller, file.filename or "", _pieces(file))
    finally:
        await form.close()
    return _accepted(document, is_new=is_new)


def _accepted(document: Document, *, is_new: bool) -> Response:
    return shown(document, 202 if is_new else 200, {"Location": f"/v1/documents/{document.doc_id}"})


async def list_all(exchange: Exchange) -> Response:
    """A page of documents, newest first."""
    query = exchange.request.query_params
    given = query.get("status")
    status = next((known for known in STATUSES if known == given), None)
    if given is not None and status is None:
        raise InvalidInputError(f"status is {given[:20]!r}; choose one of {', '.join(STATUSES)}")
    limit = exchange.number("limit", 20, 1, 100)
    found = await exchange.host.on.records.documents.list(
        exchange.caller.tenant, limit=limit, cursor=query.get("cursor"), status=status
    )
    return shown(found)


async def _document(exchange: Exchange) -> Document:
    doc_id = exchange.part("doc_id")
    document = await exchange.host.on.records.documents.get(exchange.caller.tenant, doc_id)
    if document is None:
        raise NotFoundError(f"there is no document {doc_id[:64]!r}; GET /v1/documents lists yours")
    return document


async def read(exchange: Exchange) -> Response:
    """A document as it stands."""
    document = await _document(exchange)
    return shown(await DocumentStream(exchange.host, exchange.caller.tenant, document.doc_id).current() or document)


async def remove(exchange: Exchange) -> Response:
    """Remove a document and everything made from it."""
    ref = DocumentRef(doc_id=(await _document(exchange)).doc_id)
    return shown(await exchange.host.client.call(DELETE, ref, exchange.caller))


async def cancel(exchange: Exchange) -> Response:
    """Stop a document's ingestion."""
    ref = DocumentRef(doc_id=(await _document(exchange)).doc_id)
    return shown(await exchange.host.client.call(CANCEL, ref, exchange.caller))


async def redo(exchange: Exchange) -> Response:
    """Make a document searchable anew."""
    document = await upload.reprocess(exchange.host, exchange.caller, await _document(exchange))
    return shown(document, 202, {"Location": f"/v1/documents/{document.doc_id}"})


async def watch(exchange: Exchange) -> Response:
    """The progress of a document until it has ended."""
    document = await _document(exchange)
    after = exchange.request.headers.get("last-event-id")
    return streamed(DocumentStream(exchange.host, exchange.caller.tenant, document.doc_id).read(after))


async def watch_all(exchange: Exchange) -> Response:
    """The progress of all documents, for as long as the client listens."""
    after = exchange.request.headers.get("last-event-id")
    name = all_documents(exchange.caller.tenant)
    return streamed(followed(exchange.host.on.live, name, after))


async def original(exchange: Exchange) -> Response:
    """The file as it was handed in."""
    document = await _document(exchange)
    key = original_key(exchange.caller.tenant, document.doc_id)
    blobs = exchange.host.on.blobs
    size = await blobs.size(key)
    headers = {
        "Content-Length": str(size),
        "ETag": f'"{document.sha256}"',
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(document.filename)}",
        "Content-Security-Policy": "sandbox",
    }
    if f'"{document.sha256}"' in exchange.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"ETag": headers["ETag"]})
    return StreamingResponse(blobs.stream(key), media_type=document.media_type, headers=headers)


async def picture(exchange: Exchange) -> Response:
    """A page as a picture; `quote` highlights words, `width` is in pixels."""
    document = await _document(exchange)
    page = exchange.part("page")
    if not page.isdigit() or not 1 <= int(page) <= (document.pages or 0):
        raise NotFoundError(f"{document.filename} has no page {page[:20]!r}; it has {document.pages or 0} pages")
    asked = ShowPage(
        doc_id=document.doc_id,
        page=int(page),
        quote=exchange.request.query_params.get("quote", "")[:4000] or None,
        width=exchange.number("width", 918, 100, 2400),
    )
    words = hashlib.sha256(f"{asked.quote}|{asked.width}".encode()).hexdigest()[:16]
    etag = f'"{document.version_id}-{asked.page}-{words}"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=31536000, immutable"}
    if etag in exchange.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    made = (await exchange.host.client.call(PAGE_IMAGE, asked, exchange.caller)).picture
    return Response(base64.b64decode(made.base64), media_type=made.media_type, headers=headers)


def _at(method: str, path: str, name: str, summary: str, handler: Handler, **more: Any) -> Operation:
    scopes = READ_DOCUMENTS if method == "GET" else WRITE_DOCUMENTS
    return Operation(method, f"/v1/{path}", name, summary, handler, scopes, **more)


OPERATIONS = [
    _at("POST", "documents", "create_document", "Hand in a document", create, result=Document, status=202),
    _at("GET", "documents", "list_documents", "List documents", list_all, result=Documents),
    _at("GET", "documents/{doc_id}", "read_document", "Read a document", read, result=Document),
    _at("DELETE", "documents/{doc_id}", "delete_document", "Remove a document", remove, result=Deleted),
    _at("POST", "documents/{doc_id}/cancel", "cancel_document", "Stop its ingestion", cancel, result=Document),
    _at("POST", "documents/{doc_id}/reprocess", "redo_document", "Ingest it anew", redo, result=Document, status=202),
    _at("GET", "documents/{doc_id}/events", "watch_document", "Watch its progress", watch, event=DocumentEvent),
    _at("GET", "documents/{doc_id}/file", "read_file", "Get the original", original),
    _at("GET", "documents/{doc_id}/pages/{page}/image", "show_page", "Show a page", picture),
    _at("GET", "events", "watch_documents", "Watch all documents", watch_all, event=DocumentEvent),
]
