"""Merge lists of scores into one: by a weighted sum of scores made comparable, or by reciprocal ranks.

Sources: weighted sums, Bruch, Gai & Ingber, arXiv 2210.11934; reciprocal ranks, Cormack, Clarke & Büttcher, SIGIR 2009.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)

LEAST_SPREAD = 0.2
"""Cosines that lie nearer together than this are alike, and are not pulled apart to the full range."""


def spread(cosines: Mapping[K, float], anchor: int) -> dict[K, float]:
    """Cosines as 1 for the best down to 0 for the `anchor`-th best and all below it."""
    ranked = sorted(cosines.values(), reverse=True)[:anchor]
    if not ranked:
        return {}
    best, width = ranked[0], max(ranked[0] - ranked[-1], LEAST_SPREAD)
    return {key: max(0.0, 1 - (best - cosine) / width) for key, cosine in cosines.items()}


def of_best(scores: Mapping[K, float]) -> dict[K, float]:
    """Scores as shares of the best one; BM25 has a zero of its own, so only the top is fixed."""
    best = max(scores.values(), default=0.0)
    return {key: score / best if best > 0 else 0.0 for key, score in scores.items()}


def reciprocal_ranks(scores: Mapping[K, float], constant: int) -> dict[K, float]:
    """Scores replaced by 1 for the best and `(constant + 1) / (constant + rank)` for the others."""
    ranked = sorted(scores, key=lambda key: -scores[key])
    return {key: (constant + 1) / (constant + rank) for rank, key in enumerate(ranked, start=1)}


def weighted(parts: Sequence[tuple[float, float | None]]) -> float:
    """Weighted mean of (weight, part) pairs, 0..1; a part that is None counts as 0."""
    total = sum(weight for weight, _ in parts)
    return sum(weight * (part or 0.0) for weight, part in parts) / total if total else 0.0
