"""Progress of documents as watchers see it: a stream for each document, and one with all of a tenant's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from hosts.orchestrator.host import Host
from runtime.errors import StreamLostError
from runtime.live.contract import Entry, Live
from schemas.document import Document
from schemas.event import DocumentEvent
from schemas.message import TenantId

TERMINAL = frozenset({"completed", "failed", "cancelled"})
POLL_SECONDS = 0.5
AGAIN_SECONDS = 300.0
"""How long an old end is overlooked when its agent does not begin."""


def eta_seconds(document: Document, now: float) -> float | None:
    """Seconds left if work goes on as it did since the document came; None while that cannot be told."""
    if document.status != "processing" or document.progress < 5:
        return None
    elapsed = now - document.created_at.timestamp()
    return round(elapsed * (100 - document.progress) / document.progress, 1)


def event_of(document: Document) -> str:
    """The document as the data of an event."""
    eta = eta_seconds(document, time.time())
    return DocumentEvent(document=document, eta_s=eta).model_dump_json(exclude_none=True)


def all_documents(tenant: TenantId) -> str:
    """Name of the stream with every document of a tenant."""
    return f"documents:{tenant}"


async def followed(live: Live, stream: str, after: str | None) -> AsyncIterator[Entry]:
    """The events of a stream of states; each tells all, so one that is lost is made good by the next."""
    while True:
        try:
            held = after is not None and await live.holds(stream, after)
            async for entry in live.read(stream, after if held else None):
                yield entry
                after = entry.id
        except StreamLostError:
            continue
        return


def is_past(document: Document, known: Document) -> bool:
    """Whether a state is older than one that is known, such as the end before a document was done again."""
    if document.updated_at == known.updated_at:
        return document.status in TERMINAL
    return document.updated_at < known.updated_at


def queued(document: Document) -> Document:
    """A document as it stands between the wish to do it again and the first word of its agent."""
    fresh = {"status": "pending", "stage": "waiting", "progress": 0, "message": "Waiting", "error": None}
    return document.model_copy(update=fresh)


class DocumentStream:
    """The progress of one document."""

    def __init__(self, host: Host, tenant: TenantId, doc_id: str) -> None:
        self._host = host
        self._tenant = tenant
        self._doc_id = doc_id
        self._name = f"document:{tenant}:{doc_id}"

    async def publish(self, document: Document) -> None:
        """Tell the watchers of this document and of all."""
        data = event_of(document)
        for stream in (self._name, all_documents(self._tenant)):
            await self._host.on.live.append(stream, data, attempt=self._host.boot)

    async def begin_again(self, document: Document) -> Document:
        """Say that an ended document is done again; until its agent writes, its old end does not count."""
        ended = document.updated_at.isoformat().encode()
        await self._host.on.live.put(f"{self._name}:ended", ended, ttl_seconds=AGAIN_SECONDS)
        await self.publish(queued(document))
        return queued(document)

    async def current(self) -> Document | None:
        """The document as it stands, as `queued` while the end on record is the one before this beginning."""
        document = await self._host.on.records.documents.get(self._tenant, self._doc_id)
        if document is None:
            return None
        ended = await self._host.on.live.get(f"{self._name}:ended")
        return queued(document) if ended == document.updated_at.isoformat().encode() else document

    async def read(self, after: str | None = None) -> AsyncIterator[Entry]:
        """How the document stands, then every change until it has ended.

        Changes come from the stream; where there is none (another host relays them), from the record.
        """
        live = self._host.on.live
        known = await self.current()
        if known is None:
            return
        last = event_of(known)
        yield Entry("0.0", last)
        if known.status in TERMINAL:
            return
        if await live.exists(self._name):
            async for entry in followed(live, self._name, after):
                document = DocumentEvent.model_validate_json(entry.data).document
                if is_past(document, known):
                    continue
                yield entry
                if document.status in TERMINAL:
                    return
        while known is not None and known.status not in TERMINAL:
            await asyncio.sleep(POLL_SECONDS)
            known = await self.current()
            if known is not None and event_of(known) != last:
                last = event_of(known)
                yield Entry("0.0", last)
