"""From the lists of the rankers to chunks in order: scores of chunks, pages and documents together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from runtime.vectors.contract import Hit, Place
from schemas.chunk import ScoreParts
from servers.retrieval.fusion import of_best, reciprocal_ranks, spread

_KEY, _VERSION = attrgetter("key"), attrgetter("version")

Merge = Literal["weighted", "rrf"]


@dataclass(frozen=True)
class Lists:
    """What the rankers found, each best first; a ranker that did not run has None."""

    meaning: Sequence[Hit] | None = None
    words: Sequence[Hit] | None = None
    pages: Sequence[Hit] | None = None
    documents: Sequence[Hit] | None = None
    fetched: Sequence[Hit] = ()
    """Chunks of good pages that no ranker of chunks brought."""
    named: frozenset[Place] = frozenset()
    """Pages that the question names by their numbers."""


@dataclass(frozen=True)
class Weights:
    """What the parts of a score weigh; `anchor` is the rank at which meaning counts for nothing."""

    alpha: float
    page_share: float = 0.5
    document: float = 0.2
    named_page: float = 0.3
    merge: Merge = "weighted"
    rrf_constant: int = 60
    anchor: int = 100

    def shares(self, *, names_pages: bool) -> dict[str, float]:
        """Weight by part of a score, in all 1."""
        by_words = 1 - self.alpha
        parts = {
            "meaning": self.alpha,
            "words": by_words * (1 - self.page_share),
            "page_words": by_words * self.page_share,
            "document": self.document,
            "named_page": self.named_page if names_pages else 0.0,
        }
        total = sum(parts.values())
        return {part: weight / total for part, weight in parts.items() if weight}


class Part(NamedTuple):
    """A part of a score: what it weighs, what of a hit it looks at, and what that is worth, 0..1, where not 0."""

    share: float
    key: Callable[[Hit], Hashable]
    values: Mapping[Hashable, float]

    def of(self, hit: Hit) -> float:
        """What it says of a hit."""
        return self.values.get(self.key(hit), 0.0)


class Ranked(NamedTuple):
    """A chunk with its score, 0..1, and what that is made of."""

    hit: Hit
    score: float
    made_of: Mapping[str, Part]

    @property
    def parts(self) -> ScoreParts:
        """The parts of the score."""
        return ScoreParts(**{name: part.of(self.hit) for name, part in self.made_of.items()})


def place(hit: Hit) -> Place:
    """The page that a hit is on."""
    return hit.version, hit.page


def missing_pages(lists: Lists, most: int) -> list[Place]:
    """The best pages by words, of the first `most`, on which no ranker of chunks found anything."""
    found = _with_chunks(lists)
    return [place(hit) for hit in (lists.pages or ())[:most] if place(hit) not in found]


def unranked_pages(lists: Lists, wanted: Iterable[Place], most: int, *, first: Sequence[Place]) -> list[Place]:
    """`first`, then as many of the wanted pages that no ranker brought as make `most` pages with those it brought."""
    found = _with_chunks(lists) | set(first)
    return [*first, *sorted(set(wanted) - found)[: max(0, most - len(found))]]


def _with_chunks(lists: Lists) -> set[Place]:
    return {place(hit) for hits in (lists.meaning, lists.words) for hit in hits or ()}


def rank(lists: Lists, weights: Weights) -> list[Ranked]:
    """All chunks found, best first; equal scores in an order that only the content of the documents decides."""
    made_of = score_parts(lists, weights)
    weighing = [part for part in made_of.values() if part.share]
    total = sum(weights.shares(names_pages=bool(lists.named)).values())
    candidates = {hit.key: hit for hits in (lists.meaning, lists.words, lists.fetched) for hit in hits or ()}
    ranked = [
        Ranked(hit, sum(part.share * part.of(hit) for part in weighing) / total if total else 0.0, made_of)
        for hit in candidates.values()
    ]
    return sorted(ranked, key=lambda one: (-one.score, one.hit.version, one.hit.page, one.hit.key))


def score_parts(lists: Lists, weights: Weights) -> dict[str, Part]:
    """The parts of a score, those that ran."""
    shares = weights.shares(names_pages=bool(lists.named))
    told: dict[str, tuple[Callable[[Hit], Hashable], Mapping[Hashable, float] | None]] = {
        "meaning": (_KEY, _meaning(lists.meaning, weights)),
        "words": (_KEY, _words(lists.words, weights, _KEY)),
        "page_words": (place, _words(lists.pages, weights, place)),
        "document": (_VERSION, _words(lists.documents, weights, _VERSION)),
        "named_page": (place, dict.fromkeys(lists.named, 1.0) or None),
    }
    return {
        name: Part(shares.get(name, 0.0), key, values) for name, (key, values) in told.items() if values is not None
    }


def pick(
    ranked: Sequence[Ranked], top_k: int, *, most: int, penalty: float = 0.0, of: Callable[[Hit], Hashable] = place
) -> list[Ranked]:
    """The best `top_k`, at most `most` of a page (or of what `of` tells apart); each further one loses `penalty`."""
    seen: Counter[Hashable] = Counter()
    kept: list[tuple[float, Ranked]] = []
    for one in ranked:
        group = of(one.hit)
        if seen[group] < most:
            kept.append((max(0.0, one.score - penalty * seen[group]), one))
            seen[group] += 1
    kept.sort(key=lambda entry: -entry[0])
    return [one._replace(score=score) for score, one in kept[:top_k]]


def _meaning(hits: Sequence[Hit] | None, weights: Weights) -> dict[Hashable, float] | None:
    if hits is None:
        return None
    scores: dict[Hashable, float] = {hit.key: hit.score for hit in hits}
    if weights.merge == "rrf":
        return reciprocal_ranks(scores, weights.rrf_constant)
    return spread(scores, weights.anchor)


def _words(
    hits: Sequence[Hit] | None, weights: Weights, key: Callable[[Hit], Hashable]
) -> dict[Hashable, float] | None:
    if hits is None:
        return None
    scores = {key(hit): hit.score for hit in reversed(hits)}
    return reciprocal_ranks(scores, weights.rrf_constant) if weights.merge == "rrf" else of_best(scores)
