"""Documents over HTTP: list, read, watch, do again, remove."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import Field
from starlette.responses import Response

from hosts.orchestrator import upload
from hosts.orchestrator.idempotency import Answered, Key, once
from hosts.orchestrator.operations import Events, Exchange, Handler, Operation, Reply
from hosts.orchestrator.parameters import PATH, QUERY, Once, Parameters, Resumed, Seen, Unchanged
from hosts.orchestrator.progress import DocumentStream, all_documents, followed
from hosts.orchestrator.representation import require_unchanged, shown
from hosts.orchestrator.routes.sse import streamed
from runtime.errors import ConflictError, InProgressError, KeyReusedError, NotFoundError
from schemas.document import Document, Documents, Status
from schemas.event import DocumentEvent
from schemas.skills import CANCEL, DELETE, READ_DOCUMENTS, WRITE_DOCUMENTS, Deleted, DocumentRef

TAG = "Documents"


class DocumentsPage(Seen):
    """Which page of the documents."""

    limit: Annotated[int, QUERY, Field(ge=1, le=100, description="How many documents a page has.")] = 20
    cursor: Annotated[
        str | None, QUERY, Field(max_length=512, description="`next_cursor` of the page before; opaque.")
    ] = None
    status: Annotated[Status | None, QUERY, Field(description="Only documents that stand so.")] = None


class OneDocument(Parameters):
    """Names one document."""

    doc_id: Annotated[
        str, PATH, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Id of a document.", examples=["doc_7d3e"])
    ]


class ReadDocument(OneDocument, Seen):
    """Names one document to read."""


class ChangeDocument(OneDocument, Unchanged):
    """Names one document to change."""


class RedoDocument(ChangeDocument, Once):
    """Names one document to do again."""


class WatchDocument(OneDocument, Resumed):
    """Names one document to watch, and from where on."""


async def list_all(exchange: Exchange[DocumentsPage]) -> Response:
    """A page of documents, newest first; `Link: rel="next"` names the one after it."""
    given = exchange.given
    found = await exchange.host.on.records.documents.list(
        exchange.caller.tenant, limit=given.limit, cursor=given.cursor, status=given.status
    )
    if found.next_cursor is None:
        return shown(found)
    asked = {"limit": given.limit, "status": given.status, "cursor": found.next_cursor}
    following = urlencode({name: value for name, value in asked.items() if value is not None})
    return shown(found, headers={"Link": f'</v1/documents?{following}>; rel="next"'})


async def document_of(exchange: Exchange[Any]) -> Document:
    """The document that the path names. Raises NotFoundError."""
    doc_id = exchange.given.doc_id
    document = await exchange.host.on.records.documents.get(exchange.caller.tenant, doc_id)
    if document is None:
        raise NotFoundError(f"there is no document {doc_id!r}; GET /v1/documents lists yours")
    return document


async def _as_it_stands(exchange: Exchange[Any]) -> Document:
    document = await document_of(exchange)
    return await DocumentStream(exchange.host, exchange.caller.tenant, document.doc_id).current() or document


async def _unchanged(exchange: Exchange[Any]) -> Document:
    """The document that the path names. Raises StaleError when it is not what the caller has seen of it."""
    require_unchanged(await _as_it_stands(exchange), exchange.given.if_match)
    return await document_of(exchange)


async def read(exchange: Exchange[ReadDocument]) -> Response:
    """A document as it stands."""
    return shown(await _as_it_stands(exchange))


async def remove(exchange: Exchange[ChangeDocument]) -> Response:
    """Remove a document and everything made from it."""
    ref = DocumentRef(doc_id=(await _unchanged(exchange)).doc_id)
    return shown(await exchange.host.client.call(DELETE, ref, exchange.caller))


async def cancel(exchange: Exchange[ChangeDocument]) -> Response:
    """Stop a document's ingestion; one that has ended stays as it is."""
    ref = DocumentRef(doc_id=(await _unchanged(exchange)).doc_id)
    return shown(await exchange.host.client.call(CANCEL, ref, exchange.caller))


async def redo(exchange: Exchange[RedoDocument]) -> Response:
    """Make a document searchable anew; until then the version that was searchable stays so."""
    host, caller = exchange.host, exchange.caller

    async def again() -> Answered:
        document = await upload.reprocess(host, caller, await _unchanged(exchange))
        return Answered.of(document, 202, f"/v1/documents/{document.doc_id}")

    key = Key.of(exchange.given.idempotency_key, exchange.line)
    return (await once(host.on, caller, key, again)).response()


async def watch(exchange: Exchange[WatchDocument]) -> Response:
    """How the document stands, then every change until its ingestion has ended."""
    document = await document_of(exchange)
    stream = DocumentStream(exchange.host, exchange.caller.tenant, document.doc_id)
    return streamed(stream.read(exchange.given.last_event_id or None))


async def watch_all(exchange: Exchange[Resumed]) -> Response:
    """The progress of all documents, for as long as the client listens."""
    name = all_documents(exchange.caller.tenant)
    return streamed(followed(exchange.host.on.live, name, exchange.given.last_event_id or None))


def _at(method: str, path: str, name: str, summary: str, handler: Handler, *replies: Reply, **more: Any) -> Operation:
    scopes = READ_DOCUMENTS if method == "GET" else WRITE_DOCUMENTS
    return Operation(method, f"/v1/{path}", name, summary, handler, replies, TAG, scopes=scopes, **more)


OPERATIONS = [
    _at(
        "GET",
        "documents",
        "list_documents",
        "List documents",
        list_all,
        Reply("A page of documents.", message=Documents, headers=("Link",)),
        parameters=DocumentsPage,
    ),
    _at(
        "GET",
        "documents/{doc_id}",
        "read_document",
        "Read a document",
        read,
        Reply("The document.", message=Document),
        parameters=ReadDocument,
    ),
    _at(
        "DELETE",
        "documents/{doc_id}",
        "delete_document",
        "Remove a document",
        remove,
        Reply("It is gone.", message=Deleted),
        parameters=ChangeDocument,
        raises=(ConflictError,),
    ),
    _at(
        "POST",
        "documents/{doc_id}/cancel",
        "cancel_document",
        "Stop its ingestion",
        cancel,
        Reply("The document as it stands now.", message=Document),
        parameters=ChangeDocument,
        raises=(ConflictError,),
    ),
    _at(
        "POST",
        "documents/{doc_id}/reprocess",
        "redo_document",
        "Ingest it anew",
        redo,
        Reply("It will be.", 202, Document, headers=("Location",)),
        parameters=RedoDocument,
        raises=(KeyReusedError, InProgressError),
    ),
    _at(
        "GET",
        "documents/{doc_id}/events",
        "watch_document",
        "Watch its progress",
        watch,
        Reply("The events.", events=Events((DocumentEvent,))),
        parameters=WatchDocument,
    ),
    _at(
        "GET",
        "events",
        "watch_documents",
        "Watch all documents",
        watch_all,
        Reply("The events.", events=Events((DocumentEvent,))),
        parameters=Resumed,
    ),
]
