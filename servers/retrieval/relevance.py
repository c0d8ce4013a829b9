"""How well the best that was found fits the question at all; ranks say only what fits better than the rest."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.vectors.terms import words
from schemas.chunk import Chunk
from servers.retrieval.query import Query, different_words

CLOSE = 0.6
"""Cosine from which the packaged model has found a passage about the very question."""
LOOKED_AT = 3
"""Best chunks whose words are compared with the question's."""


def closeness(cosine: float) -> float:
    """A cosine as 0..1, 1 from `CLOSE` on."""
    return min(1.0, max(0.0, cosine / CLOSE))


def coverage(query: Query, document: str, content: str, language: str | None) -> float:
    """Share of the question's words that a chunk, or the name of its document, has; 0..1."""
    spoken = language or query.languages[0]
    asked = different_words(query.text, spoken)
    return len(asked.intersection(words(f"{document} {content}", spoken))) / len(asked) if asked else 0.0


def relevance(query: Query, best: Sequence[Chunk], alpha: float, cosine: float) -> float:
    """0..1 for a search: how near in meaning and complete in words its best chunks are, weighed as it was."""
    covered = max((coverage(query, one.doc, one.content, one.language) for one in best[:LOOKED_AT]), default=0.0)
    return alpha * closeness(cosine) + (1 - alpha) * covered
