"""Scores of terms that do not tell of the order in which an index met them.

The index adds up single-precision products in the order in which it first saw their terms, so the last digits of a
score differ between two indexes of the same units. Scores are cut to four digits here; one whose digits that order
could change is computed anew from the weights and document frequencies, exactly.
Source: Higham, Accuracy and Stability of Numerical Algorithms, section 4.2, for the bound on the error of a sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    EdgeShard,
    Filter,
    Query,
    QueryBatchRequest,
    QueryRequest,
    SparseVector,
)

from runtime.vectors.contract import Kind, Using
from runtime.vectors.layout import TERMS, equals

DIGITS = 4
COSINE_DIGITS = 6
"""Those of a cosine, which is added up in one order only."""
STEP = 2.0**-24
"""Most that one operation in single precision is off, relative to its result."""
HEAVIEST = 2.2
"""What no stored weight of BM25 exceeds: k1 + 1."""
KINDS: dict[Using, Kind] = {using: kind for kind, using in TERMS.items()}
FREQUENCIES = 50_000
"""Document frequencies that are remembered until the next write."""


def cut(score: float, digits: int = DIGITS) -> float:
    """A score without the digits that are left to chance."""
    return float(f"{score:.{digits}g}")


@dataclass(frozen=True)
class Slack:
    """How far scores of a question may be from the exact ones: by their sum, and by logarithms near 1."""

    share: float
    base: float

    @classmethod
    def of(cls, asked: Mapping[int, float]) -> Slack:
        """That of a question's term weights."""
        return cls((len(asked) + 3) * STEP, 4 * STEP * HEAVIEST * sum(asked.values()))

    def highest(self, score: float) -> float:
        """The most that the exact score can be, cut."""
        return cut(score + self.share * score + self.base)

    def certain(self, score: float) -> float | None:
        """The exact score, cut; None when its digits cannot be told."""
        least, most = score - self.share * score - self.base, score + self.share * score + self.base
        digits = f"{least:.{DIGITS}g}"
        return float(digits) if digits == f"{most:.{DIGITS}g}" else None


def inverse_frequency(units: int, holding: int) -> float:
    """BM25's weight of a term that `holding` of `units` have. Source: as in `runtime.vectors.weights`."""
    return math.log1p((units - holding + 0.5) / (holding + 0.5))


def holding_units(units: int, inverse_frequency: float) -> int:
    """How many of `units` have a term, from its weight."""
    return round((units + 1) * math.exp(-inverse_frequency) - 0.5)


def total(asked: Mapping[int, float], stored: Mapping[int, float], inverse: Mapping[int, float]) -> float:
    """The score of a unit, the same whatever order its terms come in."""
    return math.fsum(weight * inverse[term] * stored[term] for term, weight in asked.items() if term in stored)


class ExactScores:
    """Scores of one index. It must hear of every write, for that changes what is remembered of it."""

    def __init__(self, edge: EdgeShard) -> None:
        self._edge = edge
        self._inverse: dict[tuple[Using, int], float] = {}
        self._units: dict[Using, int] = {}

    def forget(self) -> None:
        """Something was written."""
        self._inverse.clear()
        self._units.clear()

    def of(self, using: Using, asked: Mapping[int, float], found: Mapping[bytes, float]) -> list[float]:
        """The scores of what a search for `asked` found, by id with the index's score; each to four digits."""
        slack = Slack.of(asked)
        scores = {id_: slack.certain(score) for id_, score in found.items()}
        doubtful = [id_ for id_, score in scores.items() if score is None]
        if doubtful:
            inverse = self._inverse_frequencies(using, asked)
            for id_, stored in self._stored(using, doubtful).items():
                scores[id_] = cut(total(asked, stored, inverse))
        return [cut(found[id_]) if score is None else score for id_, score in scores.items()]

    def _inverse_frequencies(self, using: Using, terms: Mapping[int, float]) -> dict[int, float]:
        """Read off what the index makes of each term alone."""
        unknown = [term for term in terms if (using, term) not in self._inverse]
        if unknown:
            units = self._count(using)
            queries: list[Any] = [Query.Nearest(SparseVector([term], [1.0]), using=using) for term in unknown]
            requests = [QueryRequest(limit=1, query=query) for query in queries]
            found = self._edge.query_batch(QueryBatchRequest(requests))
            best: dict[int, Any] = {term: points[0] for term, points in zip(unknown, found, strict=True) if points}
            ids = {term: point.id.bytes for term, point in best.items()}
            stored = self._stored(using, ids.values())
            if len(self._inverse) > FREQUENCIES:
                self.forget()
            for term in unknown:
                told = best[term].score / stored[ids[term]][term] if term in best else math.inf
                self._inverse[using, term] = inverse_frequency(units, holding_units(units, told))
        return {term: self._inverse[using, term] for term in terms}

    def _count(self, using: Using) -> int:
        """How many units can be found by it."""
        if using not in self._units:
            which = Filter(must=[equals("kind", KINDS[using])])
            self._units[using] = self._edge.count(CountRequest(filter=which))
        return self._units[using]

    def _stored(self, using: Using, ids: Iterable[bytes]) -> dict[bytes, dict[int, float]]:
        """Weights by term of each unit."""
        wanted: list[Any] = [UUID(bytes=id_) for id_ in dict.fromkeys(ids)]
        read: list[Any] = self._edge.retrieve(wanted, with_payload=False, with_vector=[using])
        vectors = {point.id.bytes: point.vector[using] for point in read}
        return {id_: dict(zip(vector.indices, vector.values, strict=True)) for id_, vector in vectors.items()}
