"""Uploads: take a document in, then have it ingested by a durable workflow that relays its progress."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Generator
from typing import Any

import structlog

from hosts.orchestrator.fetch import checked, fetched
from hosts.orchestrator.host import Host
from hosts.orchestrator.progress import TERMINAL, DocumentStream
from hosts.orchestrator.steps import claimed, claims
from runtime import intake, telemetry
from runtime.caller import Caller
from runtime.durable.contract import Activity, ActivityContext, Json, Task, WorkflowContext
from runtime.errors import AgentRAGError, AgentUnavailableError, InternalError
from runtime.resilience import Backoff
from schemas.document import Document
from schemas.skills import INGEST, REPROCESS, DocumentRef, Ingest, Progress

log = structlog.get_logger()

NAME = "take_document"
AGENT_BACKOFF = Backoff(attempts=9, first_seconds=0.5, factor=2.0)
"""Two minutes of patience with an agent that is away; after that its own sweep finds the document."""


def take_document(ctx: WorkflowContext, asked: Json) -> Generator[Task, Any, Json]:
    """Fetch the bytes when only their URL is known, then ingest or reprocess."""
    if asked.get("url"):
        fetched_it: Json = yield ctx.call_activity("fetch", asked)
        if not fetched_it["ok"]:
            return fetched_it
    ended: Json = yield ctx.call_activity("ingest", asked)
    return ended


async def receive(host: Host, caller: Caller, filename: str, source: AsyncIterator[bytes]) -> tuple[Document, bool]:
    """Take a file in and start its ingestion. Returns the document and whether it is new.

    The same bytes again are the same document; one that had failed or was cancelled is tried again.
    """
    document, is_new = await intake.accept(caller.tenant, filename, source, host.on, host.settings)
    if is_new:
        await DocumentStream(host, caller.tenant, document.doc_id).publish(document)
        await _start(host, caller, document, "ingest", document.doc_id)
    elif document.status in {"failed", "cancelled"}:
        document = await reprocess(host, caller, document)
    return document, is_new


async def receive_url(host: Host, caller: Caller, filename: str, url: str) -> Document:
    """Note a document whose bytes are behind a URL; they are fetched after this returns."""
    checked(url, host.settings.fetch_hosts)
    document = await intake.expect(caller.tenant, filename, host.on, host.settings)
    await DocumentStream(host, caller.tenant, document.doc_id).publish(document)
    await _start(host, caller, document, "ingest", document.doc_id, url=url)
    return document


async def reprocess(host: Host, caller: Caller, document: Document) -> Document:
    """Have a document made searchable anew; one that is at work already goes on."""
    stream = DocumentStream(host, caller.tenant, document.doc_id)
    if document.status in TERMINAL:
        document = await stream.begin_again(document)
    await _start(host, caller, document, "reprocess", f"{document.doc_id}:{uuid.uuid4().hex[:8]}")
    return document


async def _start(host: Host, caller: Caller, document: Document, skill: str, instance: str, url: str = "") -> None:
    asked = {**claims(caller), "doc_id": document.doc_id, "skill": skill, "url": url}
    await host.on.durable.start(NAME, f"{skill}:{instance}", asked)


async def fetch(host: Host, asked: Json) -> Json:
    """Bring the bytes in; what goes wrong ends the document with its reason."""
    caller, doc_id = claimed(asked), asked["doc_id"]
    settings = host.settings
    document = await host.on.records.documents.get(caller.tenant, doc_id)
    if document is None or document.status != "pending" or document.size_bytes:
        return {"ok": document is not None}
    try:
        source = fetched(asked["url"], settings.fetch_hosts, settings.fetch_seconds)
        await intake.fulfil(caller.tenant, document, source, host.on, settings)
    except (AgentRAGError, TimeoutError) as error:
        known = error if isinstance(error, AgentRAGError) else InternalError("fetching took too long; upload the file")
        changes = {
            "status": "failed",
            "message": f"{known.title}: {known}",
            "error": known.problem(caller.trace),
        }
        failed = await host.on.records.documents.change(caller.tenant, doc_id, changes, expected=("pending",))
        if failed is not None:
            await DocumentStream(host, caller.tenant, doc_id).publish(failed)
        return {"ok": False}
    return {"ok": True}


async def ingest(host: Host, context: ActivityContext, asked: Json) -> Json:
    """Have ingestion do its work and tell the watchers; an agent that is away is waited for."""
    waits = AGENT_BACKOFF.waits()
    while True:
        try:
            return await _relay(host, asked, f"{context.key}:{context.attempt}:{len(waits)}")
        except AgentUnavailableError as error:
            if not waits:
                log.warning("ingest.unreached", doc_id=asked["doc_id"], detail=str(error))
                return {"ok": False}
            await asyncio.sleep(waits.pop(0))
        except AgentRAGError as error:
            log.info("ingest.ended", doc_id=asked["doc_id"], code=error.code)
            await _tell_state(host, asked)
            return {"ok": False}


async def _relay(host: Host, asked: Json, key: str) -> Json:
    caller, doc_id = claimed(asked), asked["doc_id"]
    stream = DocumentStream(host, caller.tenant, doc_id)
    if asked["skill"] == "reprocess":
        items = host.client.stream(REPROCESS, DocumentRef(doc_id=doc_id), caller, key=key)
    else:
        items = host.client.stream(INGEST, Ingest(doc_id=doc_id), caller, key=key)
    async for item in items:
        match item:
            case Progress(document=Document() as document) | (Document() as document):
                await stream.publish(document)
    return {"ok": True}


async def _tell_state(host: Host, asked: Json) -> None:
    caller = claimed(asked)
    document = await host.on.records.documents.get(caller.tenant, asked["doc_id"])
    if document is not None:
        await DocumentStream(host, caller.tenant, asked["doc_id"]).publish(document)


def activities(host: Host) -> dict[str, Activity]:
    """The steps by name, bound to this host and within the trace of the upload."""

    async def do_fetch(_: ActivityContext, asked: Json) -> Json:
        with telemetry.continued(asked["traceparent"], "document.fetch"):
            return await fetch(host, asked)

    async def do_ingest(context: ActivityContext, asked: Json) -> Json:
        with telemetry.continued(asked["traceparent"], "document.ingest"):
            return await ingest(host, context, asked)

    return {"fetch": do_fetch, "ingest": do_ingest}
