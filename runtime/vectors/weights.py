"""BM25's document side as stored weights, from which counts can be read back when the corpus has changed.

The corpus' average length is rounded to a step of a geometric grid, so that it changes seldom and depends on nothing
but the set of units. The inverse document frequency is the index's business, at search time.
Source: Robertson & Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

K1 = 1.2
B = 0.75

GRID = 1.05
"""Ratio of two neighbouring average lengths."""

MOST_COUNT = 1000
"""Counts above it weigh the same: single precision could not tell them apart, and BM25 hardly does."""

MARK = 2**32 - 1
"""Index that no term has; its value in a stored vector is the step that the other weights were made with."""


def grid_step(average: float) -> int:
    """The step of the grid that is nearest to an average length; 0 for an average of 1 or less."""
    return round(math.log(max(average, 1.0), GRID))


def average_length(step: int) -> float:
    """The average length that a step stands for."""
    return float(GRID**step)


def _damping(length: int, step: int) -> float:
    return K1 * (1 - B + B * length / average_length(step))


def weigh(counts: Mapping[int, int], length: int, step: int) -> tuple[list[int], list[float]]:
    """Indices and weights of a unit of `length` terms in a corpus at `step`, ascending, the mark last."""
    damping = _damping(length, step)
    indices = sorted(counts)
    capped = (min(counts[index], MOST_COUNT) for index in indices)
    return [*indices, MARK], [*(count * (K1 + 1) / (count + damping) for count in capped), float(step)]


def reweigh(indices: Sequence[int], weights: Sequence[float], length: int, step: int) -> tuple[list[int], list[float]]:
    """The same unit as if it had been weighed at `step`; exact, though weights were stored in single precision."""
    return weigh(counted(indices, weights, length), length, step)


def counted(indices: Sequence[int], weights: Sequence[float], length: int) -> dict[int, int]:
    """Term index to its count, at most `MOST_COUNT`, read back from stored weights."""
    stored = dict(zip(indices, weights, strict=True))
    damping = _damping(length, round(stored.pop(MARK)))
    return {index: round(weight * damping / (K1 + 1 - weight)) for index, weight in stored.items()}
