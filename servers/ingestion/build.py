"""Build one version of a document beside the active one, step by step, and put it in the active one's place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import structlog

from runtime.errors import CancelledByUserError
from runtime.records.contract import PageRecord
from schemas.document import Document
from schemas.message import DocumentId, TenantId, VersionId
from servers.ingestion import lifecycle, units
from servers.ingestion.ahead import ahead
from servers.ingestion.embeddings import Embeddings, recall
from servers.ingestion.index import Index
from servers.ingestion.lifecycle import Chunking, Event
from servers.ingestion.pages import Extraction, Pages, version_prefix
from servers.ingestion.split import Piece, split

if TYPE_CHECKING:
    from runtime.backends import Backends
    from servers.ingestion.extractors import Extractors
    from servers.ingestion.settings import IngestionSettings

SPLIT_CHARS = 200_000
"""Characters that are split in one go, between two signs of life."""

log = structlog.get_logger()


class Build:
    """The work on one version. Each step finds what an interrupted one has left and goes on from there."""

    def __init__(self, on: Backends, settings: IngestionSettings, tenant: TenantId, document: Document) -> None:
        self._on = on
        self._settings = settings
        self._tenant = tenant
        self._document = document
        self._chunks = units.fitted(settings.chunks, on.embedder.window)
        self._fingerprint = units.fingerprint(on.embedder.fingerprint, self._chunks)
        self.version = units.version_id(tenant, document, self._fingerprint)
        self._pages = Pages(on, tenant, document, self.version)
        self._embeddings = Embeddings(on.embedder)

    async def run(self, extractors: Extractors, tell: Callable[[Event], Awaitable[None]]) -> None:
        """From the original to a completed document. Raises CancelledByUserError when it is no longer wanted."""
        tenant, doc_id = self._tenant, self._document.doc_id
        await self._on.records.versions.begin(
            tenant, doc_id, self.version, sha256=self._document.sha256, fingerprint=self._fingerprint
        )
        await recall(self._embeddings, self._on, tenant, self._document)
        earlier = await self._pages.extracted()
        if earlier is None:
            extraction, pages, pieces = await self._read(extractors, tell)
        else:
            extraction, pages = earlier
            pieces = await self._split(pages, tell)
        maker = units.Maker(tenant, self._document, self._fingerprint, extraction)
        index = Index(self._on, maker, self._embeddings, pages, pieces)
        await index.build(self._settings.embedding_batch_chunks, tell, resume=earlier is not None)
        await self._activate(extraction, pieces)
        log.info("document.completed", doc_id=doc_id, pages=len(pages), chunks=len(pieces))

    async def _read(
        self, extractors: Extractors, tell: Callable[[Event], Awaitable[None]]
    ) -> tuple[Extraction, list[PageRecord], list[Piece]]:
        """Read the file; its first pages are cut and embedded while the later ones are being read."""
        async with ahead(partial(self._on.compute.run, self._pieces), self._prepare) as work:
            extraction, pages = await self._pages.extract(extractors, self._settings, tell, work.take)
            await tell(Chunking(len(pages), len(pages)))
            return extraction, pages, await work.pieces()

    async def _prepare(self, pieces: Sequence[Piece], pages: Sequence[PageRecord]) -> None:
        texts = {page.page: page.text for page in pages}
        passages = [units.passage(self._document, texts[piece.page], piece.content) for piece in pieces]
        await self._embeddings.prepare(passages)

    async def _split(self, pages: Sequence[PageRecord], tell: Callable[[Event], Awaitable[None]]) -> list[Piece]:
        pieces: list[Piece] = []
        start = chars = 0
        for at, page in enumerate(pages, 1):
            chars += len(page.text)
            if chars >= SPLIT_CHARS or at == len(pages):
                await tell(Chunking(start, len(pages)))
                pieces += await self._on.compute.run(self._pieces, pages[start:at], len(pieces))
                start, chars = at, 0
        return pieces

    def _pieces(self, pages: Sequence[PageRecord], first: int) -> list[Piece]:
        size, overlap = self._chunks
        return split(pages, self._on.embedder.token_spans, size=size, overlap=overlap, first=first)

    async def _activate(self, extraction: Extraction, pieces: Sequence[Piece]) -> None:
        changes = {
            "title": extraction.title,
            "author": extraction.author,
            "date": extraction.date,
            "language": extraction.language,
            "paging": extraction.paging,
            "warnings": extraction.warnings,
            **lifecycle.completion(len(pieces), extraction.pages),
        }
        doc_id = self._document.doc_id
        if not await self._on.records.versions.activate(self._tenant, doc_id, self.version, changes):
            raise CancelledByUserError(f"document {doc_id!r} was cancelled or deleted meanwhile")

    async def start_over(self) -> None:
        """Have the next run read the file again."""
        await self._pages.forget()

    async def discard(self) -> None:
        """Remove what a run has left, unless it is the version that searches use."""
        now = await self._on.records.documents.get(self._tenant, self._document.doc_id)
        if now is None or now.version_id != self.version:
            await remove_version(self._on, self._tenant, self._document.doc_id, self.version)

    async def tidy(self) -> None:
        """Remove the versions that nobody searches any more."""
        doc_id = self._document.doc_id
        for version in await self._on.records.versions.retired(self._tenant, doc_id):
            await remove_version(self._on, self._tenant, doc_id, version)


async def remove_version(on: Backends, tenant: TenantId, doc_id: str, version: VersionId) -> None:
    """Remove a version from the index, then from the records: until then it stays hidden."""
    await on.vectors.delete(tenant, DocumentId(doc_id), version)
    await on.blobs.delete(version_prefix(tenant, doc_id, version))
    await on.records.versions.remove(tenant, version)
