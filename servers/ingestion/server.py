"""The skills of the ingestion agent, each an MCP tool and an A2A skill."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

from runtime.call import Call, Skills
from schemas.document import Document, Documents
from schemas.message import Message
from schemas.skills import (
    CANCEL,
    DELETE,
    INGEST,
    INGEST_BATCH,
    LIST_DOCUMENTS,
    READ_DOCUMENTS,
    REPROCESS,
    STATUS,
    BatchIngested,
    Deleted,
    DocumentRef,
    Ingest,
    IngestBatch,
    ListDocuments,
)
from servers.ingestion import actor, batch, upload
from servers.ingestion.settings import IngestionSettings
from servers.ingestion.warmth import warming

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from runtime.agent import AgentServer
    from runtime.backends import Backends

skills = Skills()


@skills.skill(INGEST)
async def ingest(ask: Ingest, call: Call) -> Document:
    """Make a document searchable: read its pages, cut them into chunks, embed and index them, telling the progress.

    Give `doc_id` for a document that is uploaded already. To hand in a file here, give `filename` and
    `content_base64` (PDF, DOCX, TXT, Markdown, HTML), or `text`. Doing it twice does the work once. The result is the
    document with its final status: `completed`, or `failed` with the reason in `error`.
    """
    upload.check(ask)
    actors, tenant = actor.of(call.on), call.caller.tenant
    if ask.doc_id is not None:
        return await actors.ingest(tenant, ask.doc_id, call.emit, call.stop)
    name, content = await upload.content(ask, call.on, actors.settings)
    document, _ = await actors.take_in(tenant, name, content, call.emit, call.stop)
    return document


@skills.skill(INGEST_BATCH)
async def ingest_batch(ask: IngestBatch, call: Call) -> BatchIngested:
    """Make up to 100 short texts searchable in one call, each a document of its own: notes, abstracts, tickets, rows.

    Far quicker than handing them in one by one. Each text may bring an `id`, which comes back with its outcome, and a
    `title`. A text that is known already is not taken twice; one that is refused or fails does not stop the others.
    """
    return BatchIngested(outcomes=await batch.ingest(ask.texts, actor.of(call.on), call))


@skills.skill(STATUS)
async def status(ask: DocumentRef, call: Call) -> Document:
    """Tell how far a document is: status, stage, progress from 0 to 100, and what went wrong if something did."""
    return await actor.of(call.on).find(call.caller.tenant, ask.doc_id)


@skills.skill(LIST_DOCUMENTS)
async def list_documents(ask: ListDocuments, call: Call) -> Documents:
    """List the documents, newest first; `status` picks some, `cursor` goes on where the last list ended."""
    documents = call.on.records.documents
    return await documents.list(call.caller.tenant, limit=ask.limit, cursor=ask.cursor, status=ask.status)


@skills.skill(REPROCESS)
async def reprocess(ask: DocumentRef, call: Call) -> Document:
    """Ingest a document again from its stored file, after a failure or a change of settings.

    What was searchable stays so until the new version takes its place.
    """
    return await actor.of(call.on).reprocess(call.caller.tenant, ask.doc_id, call.emit, call.stop)


@skills.skill(CANCEL)
async def cancel(ask: DocumentRef, call: Call) -> Document:
    """Stop the ingestion of a document that is pending or processing; the file stays and can be reprocessed."""
    return await actor.of(call.on).cancel(call.caller.tenant, ask.doc_id)


@skills.skill(DELETE)
async def delete(ask: DocumentRef, call: Call) -> Deleted:
    """Delete a document for good: its file, its pages and everything in the index."""
    return await actor.of(call.on).delete(call.caller.tenant, ask.doc_id)


@skills.resource("document://{doc_id}", READ_DOCUMENTS)
async def document(call: Call, doc_id: str) -> Message:
    """A document as it stands: status, progress, title, author, date, language, pages, chunks, warnings."""
    return await actor.of(call.on).find(call.caller.tenant, doc_id)


@asynccontextmanager
async def _at_work(on: Backends, settings: IngestionSettings) -> AsyncIterator[None]:
    async with actor.running(on, settings), warming(on) if settings.warm_embedder else nullcontext():
        yield


def create_agent(settings: IngestionSettings | None = None, backends: Backends | None = None) -> AgentServer:
    """The ingestion agent, on backends of its own unless it is given some."""
    from runtime.agent import AgentServer

    chosen = settings or IngestionSettings.beside(backends)
    return AgentServer(
        "ingestion",
        "Turns documents into searchable pages and chunks, tells its progress, and survives interruptions.",
        skills,
        chosen,
        needs=("vectors", "records", "blobs", "compute", "embedder"),
        backends=backends,
        background=lambda on: _at_work(on, chosen),
    )


def create_server(settings: IngestionSettings | None = None) -> FastMCP:
    """The agent's MCP server."""
    return create_agent(settings).mcp
