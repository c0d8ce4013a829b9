"""How near in meaning claims are to passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from runtime.errors import ModelUnavailableError

if TYPE_CHECKING:
    from runtime.models.contract import Embedder

log = structlog.get_logger()

PASSAGE_CHARS = 1200
"""Characters of a passage that are read; about what the model's window holds."""


async def meanings(embedder: Embedder, pairs: Sequence[tuple[str, Sequence[str]]]) -> list[float | None]:
    """For each (claim, passages) the cosine of the claim and the nearest passage; None where there is no passage.

    Each text is embedded once. All are None when the model cannot be loaded, which is logged: words decide alone.
    """
    texts = list(dict.fromkeys(text for claim, passages in pairs if passages for text in (claim, *_cut(passages))))
    if not texts:
        return [None] * len(pairs)
    try:
        vectors = await embedder.embed(texts)
    except ModelUnavailableError as error:
        log.warning("meaning.unavailable", error=str(error), claims=len(pairs))
        return [None] * len(pairs)
    row = {text: index for index, text in enumerate(texts)}
    return [
        max(float(vectors[row[claim]] @ vectors[row[text]]) for text in _cut(passages)) if passages else None
        for claim, passages in pairs
    ]


def _cut(passages: Sequence[str]) -> list[str]:
    return [passage[:PASSAGE_CHARS] for passage in passages]
