"""Vectors of a version's passages, each made once: those at hand are taken, the others are embedded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from schemas.document import Document
from schemas.message import TenantId, VersionId
from servers.ingestion import units

if TYPE_CHECKING:
    from runtime.backends import Backends
    from runtime.models.contract import Embedder, Floats

RECALLED_PAGES = 32
"""Pages whose vectors are fetched in one go."""
MOST_HELD = 16_384
"""Vectors that wait for their passage to be stored; each takes some 2 KB."""


def _key(passage: str) -> bytes:
    return blake2b(passage.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Embeddings:
    """Made before they are needed, or known from an earlier version; a vector leaves when it is taken."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._held: dict[bytes, Floats] = {}

    @property
    def room(self) -> int:
        """How many more vectors may wait here."""
        return MOST_HELD - len(self._held)

    def hold(self, known: Iterable[tuple[str, Floats]]) -> None:
        """Keep vectors of passages that may come; what there is no room for is embedded again when it comes."""
        for passage, vector in known:
            if self.room <= 0:
                return
            self._held[_key(passage)] = vector

    async def prepare(self, passages: Sequence[str]) -> None:
        """Embed passages that will be asked for."""
        missing = [passage for passage in passages if _key(passage) not in self._held][: max(0, self.room)]
        if missing:
            self.hold(zip(missing, await self._embedder.embed(missing), strict=True))

    async def take(self, passages: Sequence[str], on_made: Callable[[int], None]) -> Floats:
        """Unit float32 rows (n, dimension) of the passages, order kept; `on_made` hears how many there are so far."""
        import numpy as np

        rows = np.empty((len(passages), self._embedder.dimension), np.float32)
        missing = []
        for at, passage in enumerate(passages):
            held = self._held.pop(_key(passage), None)
            if held is None:
                missing.append(at)
            else:
                rows[at] = held
        held_rows = len(passages) - len(missing)
        on_made(held_rows)
        if missing:
            texts = [passages[at] for at in missing]
            rows[missing] = await self._embedder.embed(texts, lambda made: on_made(held_rows + made))
        return rows


async def recall(embeddings: Embeddings, on: Backends, tenant: TenantId, document: Document) -> None:
    """Have the vectors of the version that searches use at hand: what stays the same is not embedded again."""
    if document.version_id is None:
        return
    version = VersionId(document.version_id)
    pages = await on.records.pages.all(tenant, version)
    for start in range(0, len(pages), RECALLED_PAGES):
        texts = {page.page: page.text for page in pages[start : start + RECALLED_PAGES]}
        places = [(version, page) for page in texts]
        vectors = await on.vectors.vectors(tenant, places)
        chunks = await on.vectors.fetch(tenant, places)
        embeddings.hold(
            (units.passage(document, texts[chunk.page], chunk.payload["content"]), vectors[chunk.id])
            for chunk in chunks
            if chunk.id in vectors
        )
