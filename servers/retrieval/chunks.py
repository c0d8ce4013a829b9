"""Chunks as callers see them, from hits of the index."""

from __future__ import annotations

from runtime.vectors.contract import Hit
from schemas.chunk import Chunk, ScoreParts

_OF_THE_HIT = {"chunk_id", "doc_id", "version_id", "page", "score", "parts"}
_OF_THE_PAYLOAD = set(Chunk.model_fields) - _OF_THE_HIT


def chunk_of(hit: Hit, score: float, parts: ScoreParts | None = None) -> Chunk:
    """The chunk of a hit: what it says is in the payload, whose it is in the hit itself."""
    told = {name: hit.payload[name] for name in _OF_THE_PAYLOAD if name in hit.payload}
    return Chunk(
        **told,
        chunk_id=str(hit.id),
        doc_id=hit.document,
        version_id=hit.version,
        page=hit.page,
        score=round(score, 6),
        parts=parts,
    )
