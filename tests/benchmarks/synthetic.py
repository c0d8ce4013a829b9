"""Many chunks made of a few real ones: vectors are mixtures of real vectors with noise, texts halves of real texts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from runtime.models.embedded import MiniLM
from runtime.vectors.contract import Kind, Unit
from runtime.vectors.terms import terms
from schemas.message import DocumentId, VersionId

if TYPE_CHECKING:
    from runtime.vectors.contract import Floats

NOISE = 0.35
"""Length of the noise beside a mixture of length 1, so that hardly two chunks are alike."""
PAGE_CHUNKS, DOCUMENT_CHUNKS = 4, 200
"""Chunks of a page and of a document."""
LANGUAGE = "en"


@dataclass(frozen=True)
class Base:
    """Real chunks: their texts, unit vectors and counted terms."""

    texts: Sequence[str]
    vectors: Floats
    terms: Sequence[Counter[int]]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Base:
        """Embed the texts and count their terms."""
        return cls(texts, vectors(texts), [Counter(terms(text, LANGUAGE)) for text in texts])


def vectors(texts: Sequence[str]) -> Floats:
    """Unit vectors of texts."""

    async def embed() -> Floats:
        embedder = MiniLM()
        try:
            return await embedder.embed(texts)
        finally:
            await embedder.close()

    return asyncio.run(embed())


def mixtures(base: Floats, count: int, seed: int) -> Floats:
    """Unit vectors (count, d), each between two of `base` and a little aside."""
    chance = np.random.default_rng(seed)
    first, second = base[chance.integers(len(base), size=(2, count))]
    share = chance.uniform(0.3, 1.0, (count, 1)).astype(np.float32)
    noise = chance.standard_normal((count, base.shape[1]), np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    mixed = share * first + (1 - share) * second + noise
    made: Floats = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return made


def chunk_id(number: int) -> UUID:
    """Id of a made chunk."""
    return UUID(int=number)


def units(base: Base, dense: Floats, seed: int) -> Iterator[Unit]:
    """A chunk for each row of `dense`, and the pages and documents that they make up."""
    chance = random.Random(seed)
    for document, numbers in enumerate(_runs(range(len(dense)), DOCUMENT_CHUNKS)):
        document_terms: Counter[int] = Counter()
        for page, on_page in enumerate(_runs(numbers, PAGE_CHUNKS), 1):
            page_terms: Counter[int] = Counter()
            for number in on_page:
                text, found = _recombined(base, chance)
                page_terms.update(found)
                yield _unit("chunk", chunk_id(number), document, page, found, text, dense[number])
            yield _unit("page", UUID(int=number + (1 << 100)), document, page, page_terms)
            document_terms = document_terms or page_terms
        yield _unit("document", UUID(int=document + (1 << 101)), document, 1, document_terms)


def _runs(numbers: range, size: int) -> Iterator[range]:
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _recombined(base: Base, chance: random.Random) -> tuple[str, Counter[int]]:
    first, second = chance.randrange(len(base.texts)), chance.randrange(len(base.texts))
    text, other = base.texts[first], base.texts[second]
    found = Counter({index: (count + 1) // 2 for index, count in base.terms[first].items()})
    found.update({index: (count + 1) // 2 for index, count in base.terms[second].items()})
    return f"{text[: len(text) // 2]} {other[len(other) // 2 :]}", found


def _unit(
    kind: Kind, id_: UUID, document: int, page: int, found: Counter[int], text: str = "", dense: Floats | None = None
) -> Unit:
    told = {"doc": f"report {document}.pdf", "ordinal": page, "start": 0, "end": len(text), "content": text}
    return Unit(
        id=id_,
        kind=kind,
        document=DocumentId(f"doc_{document}"),
        version=VersionId(f"version_{document}"),
        page=page,
        terms=found,
        payload=told,
        dense=dense,
        language=LANGUAGE,
    )
