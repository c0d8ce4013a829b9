"""An actor for each document: one turn at a time, joined by whoever asks for the same, taken up again after a crash."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import structlog

from runtime import filekinds, intake
from runtime.call import Emit, Stop, silence
from runtime.errors import (
    AgentRAGError,
    AgentUnavailableError,
    CancelledByUserError,
    ConflictError,
    NotFoundError,
)
from schemas.document import Document, Status
from schemas.message import DocumentId, TenantId
from schemas.skills import Deleted, Progress
from servers.ingestion import lifecycle, units
from servers.ingestion.build import Build
from servers.ingestion.extractors import Extractors
from servers.ingestion.lifecycle import RUNNING, Cancelled, Event, Queued
from servers.ingestion.turn import Turn

if TYPE_CHECKING:
    from runtime.backends import Backends
    from servers.ingestion.settings import IngestionSettings

SMALL_BYTES = 16 * 1024
"""Size up to which texts are small."""

log = structlog.get_logger()


class Actors:
    """The actors of all documents of one process."""

    def __init__(self, on: Backends, settings: IngestionSettings) -> None:
        self.settings = settings
        self._on = on
        self._gate = asyncio.Semaphore(settings.documents_at_once)
        self._small_gate = asyncio.Semaphore(settings.small_documents_at_once)
        self._extractors = Extractors(on.compute, settings)
        self._turns: dict[tuple[TenantId, str], tuple[Turn, asyncio.Task[None]]] = {}
        wanted, chunks = settings.chunks, units.fitted(settings.chunks, on.embedder.window)
        if chunks != wanted:
            log.warning("chunks.bounded", wanted_tokens=wanted.size, most_tokens=chunks.size, window=on.embedder.window)

    async def find(self, tenant: TenantId, doc_id: str) -> Document:
        """The document as it stands. Raises NotFoundError."""
        document = await self._on.records.documents.get(tenant, doc_id)
        if document is None:
            raise NotFoundError(f"there is no document {doc_id!r}; list the documents to see their ids")
        return document

    async def ingest(self, tenant: TenantId, doc_id: str, emit: Emit, stop: Stop | None = None) -> Document:
        """Do what is due for the document, or join the turn that does it; return how it ended.

        What has ended is left as it is. The turn goes on when its callers go, unless `stop` says they cancelled it.
        Raises: ConflictError while the file is still on its way.
        """
        document = await self.find(tenant, doc_id)
        if document.status not in RUNNING:
            return document
        _require_file(document)
        turn = self._turn(tenant, document)
        try:
            async for state in turn.bulletin.follow():
                await emit(Progress(message=state.message, done=state.progress, total=100, document=state))
        except asyncio.CancelledError:
            if stop is not None and stop.reason == "cancelled":
                with suppress(ConflictError, NotFoundError):  # it has ended meanwhile
                    await self.cancel(tenant, doc_id)
            raise
        ended = await self._on.records.documents.get(tenant, doc_id)
        if ended is None:
            raise CancelledByUserError(f"document {doc_id!r} was deleted meanwhile")
        if ended.status in RUNNING:
            raise AgentUnavailableError(f"work on document {doc_id!r} was interrupted and goes on soon; ask again")
        return ended

    async def take_in(
        self, tenant: TenantId, name: str, content: bytes, emit: Emit = silence, stop: Stop | None = None
    ) -> tuple[Document, bool]:
        """Keep a file and ingest it; False with the document that has the same bytes already.

        One that had failed or was cancelled is tried again. Raises what `intake.accept` raises.
        """
        document, is_new = await intake.accept(tenant, name, content, self._on, self.settings)
        if not is_new and document.status in ("failed", "cancelled"):
            return await self.reprocess(tenant, document.doc_id, emit, stop), is_new
        return await self.ingest(tenant, document.doc_id, emit, stop), is_new

    async def reprocess(self, tenant: TenantId, doc_id: str, emit: Emit, stop: Stop | None = None) -> Document:
        """Do the whole work again; join a turn that is at it already. Raises: ConflictError without a file."""
        document = await self.find(tenant, doc_id)
        _require_file(document)
        if document.status not in RUNNING:
            await self._last_turn(tenant, doc_id)
            await Build(self._on, self.settings, tenant, document).start_over()
            await self._change(tenant, document, Queued(), expected=(document.status,))
        return await self.ingest(tenant, doc_id, emit, stop)

    async def cancel(self, tenant: TenantId, doc_id: str) -> Document:
        """Stop the work on a document and remove what there is of the version being built.

        Raises: ConflictError when the work has ended already.
        """
        document = await self.find(tenant, doc_id)
        if document.status == "cancelled":
            return document
        cancelled = await self._change(tenant, document, Cancelled(), expected=RUNNING)
        if cancelled is None:
            raise ConflictError(f"document {doc_id!r} is {document.status}; only unfinished work can be cancelled")
        await self._stop(tenant, doc_id)
        await Build(self._on, self.settings, tenant, cancelled).discard()
        log.info("document.cancelled", doc_id=doc_id)
        return cancelled

    async def delete(self, tenant: TenantId, doc_id: str) -> Deleted:
        """Remove a document with all that was made of it."""
        document = await self.find(tenant, doc_id)
        await self._change(tenant, document, Cancelled(), expected=RUNNING)
        await self._stop(tenant, doc_id)
        chunks = await self._on.vectors.delete(tenant, DocumentId(doc_id))
        await self._on.blobs.delete(intake.blob_prefix(tenant, doc_id))
        await self._on.records.documents.delete(tenant, doc_id)
        log.info("document.deleted", doc_id=doc_id, chunks=chunks)
        return Deleted(doc_id=doc_id, chunks=chunks)

    async def sweep(self) -> None:
        """Begin turns for documents that are unfinished and have none: after a crash, or when a call was lost."""
        for tenant, doc_id in await self._on.records.documents.unfinished():
            if (tenant, doc_id) not in self._turns:
                document = await self._on.records.documents.get(tenant, doc_id)
                if document is not None and document.status in RUNNING and _has_arrived(document):
                    log.info("document.resumed", doc_id=doc_id, stage=document.stage)
                    self._turn(tenant, document)

    async def close(self) -> None:
        """Cut off all turns where they are; the next start takes them up again."""
        tasks = [task for _, task in self._turns.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._extractors.close()

    def _turn(self, tenant: TenantId, document: Document) -> Turn:
        """The turn of this document; it begins now if there is none."""
        key = (tenant, document.doc_id)
        if key not in self._turns:
            gate = self._small_gate if _is_small(document) else self._gate
            turn = Turn(self._on, self.settings, tenant, document, gate, self._extractors)
            # a context of its own: the turn outlives the request that began it
            task = asyncio.create_task(turn.run(), name=document.actor_id, context=contextvars.Context())
            self._turns[key] = (turn, task)
            task.add_done_callback(lambda ended: self._ended(key, ended))
        return self._turns[key][0]

    def _ended(self, key: tuple[TenantId, str], task: asyncio.Task[None]) -> None:
        del self._turns[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("document.interrupted", doc_id=key[1], exc_info=error)

    async def _last_turn(self, tenant: TenantId, doc_id: str) -> None:
        """Wait until a turn that has written its end down has cleaned up, too."""
        held = self._turns.get((tenant, doc_id))
        if held is not None:
            await asyncio.wait({held[1]})

    async def _stop(self, tenant: TenantId, doc_id: str) -> None:
        held = self._turns.get((tenant, doc_id))
        if held is not None:
            await held[0].stop(held[1])

    async def _change(
        self, tenant: TenantId, document: Document, event: Event, *, expected: tuple[Status, ...]
    ) -> Document | None:
        changes = lifecycle.differences(document, lifecycle.after(document, event))
        return await self._on.records.documents.change(tenant, document.doc_id, changes, expected=expected)


def _has_arrived(document: Document) -> bool:
    """A document may be announced before its bytes come; no kept file is empty."""
    return document.size_bytes > 0


def _is_small(document: Document) -> bool:
    """Whether it is a text of a few pages, whatever is in it."""
    return document.media_type in (filekinds.TEXT, filekinds.MARKDOWN) and document.size_bytes <= SMALL_BYTES


def _require_file(document: Document) -> None:
    if not _has_arrived(document):
        raise ConflictError(f"the file of document {document.doc_id!r} has not arrived; wait for it, or upload it")


_RUNNING: WeakKeyDictionary[Backends, Actors] = WeakKeyDictionary()


def of(on: Backends) -> Actors:
    """The actors at work on these backends. Raises AgentUnavailableError when the agent is not running."""
    actors = _RUNNING.get(on)
    if actors is None:
        raise AgentUnavailableError("the ingestion agent is not running; start it and ask again")
    return actors


@asynccontextmanager
async def running(on: Backends, settings: IngestionSettings) -> AsyncIterator[Actors]:
    """The actors, with a sweep at the start and then every few seconds, for as long as the context is open."""
    actors = _RUNNING[on] = Actors(on, settings)
    sweeper = asyncio.create_task(_sweep(actors, settings.sweep_seconds))
    try:
        yield actors
    finally:
        del _RUNNING[on]
        sweeper.cancel()
        await asyncio.wait({sweeper})
        await actors.close()


async def _sweep(actors: Actors, seconds: float) -> None:
    while True:
        try:
            await actors.sweep()
        except AgentRAGError:
            log.exception("sweep.failed")
        await asyncio.sleep(seconds)
