"""Store the units of a version in batches, skip those that are stored already, and make the version searchable."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from runtime.errors import StoreUnavailableError
from runtime.records.contract import PageRecord
from runtime.vectors.contract import Unit
from schemas.message import DocumentId
from servers.ingestion.lifecycle import Embedding, Event, Indexing
from servers.ingestion.split import Piece
from servers.ingestion.units import Maker, passage

if TYPE_CHECKING:
    from runtime.backends import Backends
    from runtime.models.contract import Floats
    from servers.ingestion.embeddings import Embeddings

BATCHES_AT_ONCE = 3
"""Batches that are embedded or stored at a time."""
TELL_SECONDS = 0.5
"""Progress within a batch is told so often; beside other documents one may take long."""
PAGES_AT_ONCE = 32
"""Page units that are made and stored in one go."""

T = TypeVar("T")


class Index:
    """The units of one version on their way into the vector store."""

    def __init__(
        self,
        on: Backends,
        maker: Maker,
        embeddings: Embeddings,
        pages: Sequence[PageRecord],
        pieces: Sequence[Piece],
    ) -> None:
        self._on = on
        self._embeddings = embeddings
        self._maker = maker
        self._pages: Mapping[int, PageRecord] = {page.page: page for page in pages if page.text}
        self._pieces = pieces
        self._made: Counter[int] = Counter()
        """How many vectors there are of each batch, by the ordinal of its first piece."""

    async def build(self, batch: int, tell: Callable[[Event], Awaitable[None]], *, resume: bool) -> None:
        """Embed and store what is not there yet, then seal the version.

        Raises: StoreUnavailableError when the store holds another number of chunks than it was given.
        """
        await self._on.vectors.ensure(self._maker.tenant, self._on.embedder.fingerprint, self._on.embedder.dimension)
        missing = await self._missing() if resume else self._pieces
        await self._store_chunks(missing, batch, tell)
        await tell(Indexing())
        await self._store_pages()
        await self._seal()

    async def _missing(self) -> list[Piece]:
        """The pieces that an earlier try has not stored."""
        stored: set[UUID] = set()
        for pages in _batches(list(self._pages), PAGES_AT_ONCE):
            places = [(self._maker.version, page) for page in pages]
            stored.update(hit.id for hit in await self._on.vectors.fetch(self._maker.tenant, places))
        return await self._on.compute.run(
            lambda: [piece for piece in self._pieces if self._maker.chunk_id(piece.ordinal) not in stored]
        )

    async def _store_chunks(
        self, missing: Sequence[Piece], batch: int, tell: Callable[[Event], Awaitable[None]]
    ) -> None:
        """Embed and store in batches, a few on their way at a time, so that no core waits for a store."""
        total = len(self._pieces)
        stored = total - len(missing)
        await tell(Embedding(stored, total, batch))
        waiting = _batches(missing, batch)
        under_way: deque[asyncio.Task[None]] = deque()
        try:
            while True:
                for pieces in islice(waiting, BATCHES_AT_ONCE - len(under_way)):
                    under_way.append(asyncio.create_task(self._take(pieces)))
                if not under_way:
                    return
                await asyncio.wait({under_way[0]}, timeout=TELL_SECONDS)
                if under_way[0].done():
                    under_way.popleft().result()
                await tell(Embedding(stored + self._made.total(), total, batch))
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _take(self, pieces: Sequence[Piece]) -> None:
        """Embed and store one batch. A store that has begun is waited for even when the work is cut off."""
        document = self._maker.document
        passages = [passage(document, self._pages[piece.page].text, piece.content) for piece in pieces]
        vectors = await self._embeddings.take(passages, partial(self._made.__setitem__, pieces[0].ordinal))
        storing = asyncio.ensure_future(self._store_batch(pieces, vectors))
        try:
            await asyncio.shield(storing)
        finally:
            await asyncio.wait({storing})

    async def _store_batch(self, pieces: Sequence[Piece], vectors: Floats) -> None:
        units = await self._on.compute.run(self._chunks, pieces, vectors)
        await self._on.vectors.upsert(self._maker.tenant, units)

    def _chunks(self, pieces: Sequence[Piece], vectors: Floats) -> list[Unit]:
        return [
            self._maker.chunk(piece, self._pages[piece.page], vector)
            for piece, vector in zip(pieces, vectors, strict=True)
        ]

    async def _store_pages(self) -> None:
        for pages in _batches(list(self._pages.values()), PAGES_AT_ONCE):
            units = await self._on.compute.run(lambda group: [self._maker.page(page) for page in group], pages)
            await self._on.vectors.upsert(self._maker.tenant, units)
        prior = await self._on.compute.run(self._maker.prior, list(self._pages.values()))
        await self._on.vectors.upsert(self._maker.tenant, [prior])

    async def _seal(self) -> None:
        maker = self._maker
        held = await self._on.vectors.seal(maker.tenant, DocumentId(maker.document.doc_id), maker.version)
        if held != len(self._pieces):
            raise StoreUnavailableError(
                f"the index holds {held} chunks of version {maker.version} and was given {len(self._pieces)}; try again"
            )


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
