"""Choose the passages that answer a question best, and judge whether they answer it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from rank_bm25 import BM25Plus

from runtime.models import words
from runtime.models.passages import Kind, Passage
from schemas.chunk import Chunk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runtime.models.contract import Floats

    Scores = NDArray[np.float64]

Verdict = Literal["answered", "partial", "nothing"]

MOST_EMBEDDED = 48
"""Passages whose meaning is compared with the question's; where there are more, words choose them."""
MOST_CHOSEN = 4
MOST_WORDS = 150
"""Words of an answer, unless one passage alone has more."""
NEAR_BEST = 0.8
"""Share of the best score that a further passage needs."""
ALIKE = 0.9
"""Cosine from which two passages say the same."""

FEW_TERMS = 3
"""Terms below which a question leans on the one before it."""

MEANING, WORDS, COVERAGE, FIGURE, RANK = 0.6, 0.15, 0.25, 0.05, 0.05
"""Weights of a passage's parts: cosine, BM25, share of the question covered, a figure where one is asked for, and the
place of its chunk among the chunks."""
PENALTIES: dict[Kind, float] = {"sentence": 0.0, "item": 0.0, "row": 0.0, "fragment": 0.08, "heading": 0.12}
LONG_FRAGMENT = 40
"""Words from which a piece without an end is a jumble more often than a statement."""
OF_THE_PLACE = 0.3
"""Weight of a question's term that is in a document's name or title, only says where to look, or was asked before."""

LEAST_INSIDE = 3
"""Letters of a term that is looked for inside a name."""

# A logistic fit on questions about encyclopedia articles whose paragraph was among the chunks, and on such where only
# its neighbours or unrelated paragraphs were.
SUFFICIENCY = {"meaning": 5.0, "coverage": 5.5, "everywhere": 0.7, "names": 0.6}
SUFFICIENCY_BASE = -5.3
NO_NAME_FOUND = -1.5
NOTHING_BELOW, PARTIAL_BELOW = -0.6, 0.4

_SENTENCE = re.compile(r"[^.?!。？！]+(?:\.(?=\S)[^.?!。？！]*)*[.?!。？！]*")
_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|often|far|old|big|large|high)\b|\bwhen\b"
    r"|\bwhat (?:year|date|time|percent\w*|proportion|share)\b"
    r"|\b(?:number|amount|total|percentage|ratio|rate|price|cost|value|temperature|capacity|size|weight|date) of\b"
    r"|\b(?:what|which) (?:is|was|were|are)\b.{0,60}\b(?:ratio|rate|margin|revenue|income|expense|price|cost|total)\b",
    re.IGNORECASE,
)
_FIGURE = re.compile(r"\d")
_REFERRING = re.compile(r"\b(?:it|its|they|them|their|this|that|these|those|he|him|his|she|her)\b", re.IGNORECASE)
_ANAPHOR = re.compile(
    r"(?:this|these|those|such|it|they|he|she|its|their|however|in addition|also|moreover|furthermore|therefore)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Question:
    """A question as terms. `readings` are what its meaning is the mean of, `context` terms of the question before it.

    `wants_figure` when a quantity or date is asked for.
    """

    readings: tuple[str, ...]
    terms: tuple[str, ...]
    specifics: Mapping[str, str]
    wants_figure: bool
    context: frozenset[str] = frozenset()

    @classmethod
    def of(cls, text: str, language: str | None = None, previous: str = "") -> Question:
        """Read a question; sentences beside it that ask nothing (how to round, what to do if) are left out.

        A question that names little itself (`And how long does it take?`) is read with the `previous` one before it.
        """
        parts = [part.strip() for part in _SENTENCE.findall(text)]
        asking = [part for part in parts if part.endswith(("?", "？"))]
        core = " ".join(asking) or text.strip()
        specifics, wants_figure = words.specifics(core, language), _QUANTITY.search(core) is not None
        own = tuple(dict.fromkeys(words.terms(words.unlabelled(core), language)))
        if not previous or (len(own) >= FEW_TERMS and not _REFERRING.search(core)):
            return cls((core,), own, specifics, wants_figure)
        before = words.terms(words.unlabelled(previous), language)
        terms = tuple(dict.fromkeys([*own, *before]))
        return cls((core, f"{previous} {core}"), terms, specifics, wants_figure, frozenset(before) - set(own))


@dataclass(frozen=True)
class Choice:
    """The passages of an answer in reading order, and the names and numbers of the question that none mentions."""

    verdict: Verdict
    passages: tuple[Passage, ...]
    missing: tuple[str, ...] = ()


class Pool:
    """The passages of one question with their words; `embeddable` are those whose meaning is worth comparing."""

    def __init__(self, question: Question, chunks: Sequence[Chunk], passages: Sequence[Passage]) -> None:
        self.question = question
        self._language = majority_language(chunks)
        names = [_name_terms(chunk, question, self._language) for chunk in chunks]
        terms = [words.terms(passage.full, self._language) for passage in passages]
        index = BM25Plus(terms or [[""]])
        offset = sum(index.idf.get(term, 0.0) for term in question.terms) * index.delta
        scores = index.get_scores(question.terms)[: len(terms)] - offset  # the library adds delta to every passage
        kept = sorted(np.argsort(-scores, kind="stable")[:MOST_EMBEDDED].tolist())
        self.passages = [passages[at] for at in kept]
        self.bm25: Scores = scores[kept]
        self._terms = [frozenset(terms[at]) for at in kept]
        self._all = frozenset(term for found in terms for term in found)
        self._names = [names[passage.chunk] for passage in self.passages]
        self._every_name = frozenset().union(*names)
        rare = {term: np.log((len(terms) + 1) / (1 + sum(term in found for found in terms))) for term in question.terms}
        self._weights = {term: (0.3 + rarity) * self._factor(term) for term, rarity in rare.items()}

    def _factor(self, term: str) -> float:
        light = self._every_name | words.REFERENCES | self.question.context
        return OF_THE_PLACE if term in light else 1.0

    @cached_property
    def coverage(self) -> Scores:
        """Share (0..1, rare terms weigh more) of the question that each passage or its document's name holds."""
        whole = sum(self._weights.values()) or 1.0
        return np.array(
            [
                sum(weight for term, weight in self._weights.items() if term in found or term in name) / whole
                for found, name in zip(self._terms, self._names, strict=True)
            ]
        )

    def scores(self, cosines: Scores) -> Scores:
        """How well each passage answers; comparable within the pool only."""
        top = max(float(self.bm25.max(initial=0.0)), 1e-9)
        shape = np.array([self._shape(at, passage) for at, passage in enumerate(self.passages)])
        total: Scores = MEANING * cosines + WORDS * self.bm25 / top + COVERAGE * self.coverage + shape
        return total

    def _shape(self, at: int, passage: Passage) -> float:
        text = passage.text
        if self._says_nothing(at, passage):
            return -2 * PENALTIES["heading"]
        figure = FIGURE if self.question.wants_figure and _FIGURE.search(text) else 0.0
        jumble = PENALTIES["heading"] if passage.kind == "fragment" and len(text.split()) > LONG_FRAGMENT else 0.0
        return figure + RANK / (1 + passage.chunk) - PENALTIES[passage.kind] - jumble

    def _says_nothing(self, at: int, passage: Passage) -> bool:
        """Whether a passage has no word beyond the question and the names, or a row no label beyond the names."""
        names = self._every_name | words.LEGAL_FORMS
        if self._terms[at] <= names | set(self.question.terms):
            return True
        return passage.kind == "row" and all(
            term in names for term in words.terms(passage.text, self._language) if term.isalpha()
        )

    def missing(self) -> tuple[str, ...]:
        """Names and numbers of the question that no passage and no document's name holds."""
        known = self._all | self._every_name
        return tuple(word for term, word in self.question.specifics.items() if term not in known)

    def sufficiency(self, best: int, cosine: float) -> float:
        """Log odds, roughly, that the passages answer the question, judged by the best one."""
        terms, specifics = self.question.terms, self.question.specifics
        everywhere = sum(term in self._all or term in self._every_name for term in terms) / max(1, len(terms))
        names = 1 - len(self.missing()) / len(specifics) if specifics else 1.0
        parts = {"meaning": cosine, "coverage": self.coverage[best], "everywhere": everywhere, "names": names}
        total = SUFFICIENCY_BASE + sum(SUFFICIENCY[part] * float(value) for part, value in parts.items())
        return total if names else total + NO_NAME_FOUND


def choose(pool: Pool, readings: Floats, vectors: Floats) -> Choice:
    """The best passages, none saying what another says; none at all when they do not bear on the question.

    `readings` (r, d) and `vectors` (n, d) are unit rows in the order of `pool.question.readings` and `pool.passages`.
    """
    if not pool.passages or not pool.question.terms:
        return Choice("nothing", ())
    meaning = readings.mean(axis=0)
    cosines: Scores = (vectors @ (meaning / np.linalg.norm(meaning))).astype(np.float64)
    scores = pool.scores(cosines)
    best = int(np.argmax(scores))
    missing = pool.missing()
    log_odds = pool.sufficiency(best, float(cosines[best]))
    if log_odds < NOTHING_BELOW:
        return Choice("nothing", (), missing)
    chosen = _telling(pool, _spread(pool, scores, vectors))
    verdict: Verdict = "partial" if log_odds < PARTIAL_BELOW else "answered"
    return Choice(verdict, tuple(_in_reading_order(pool, chosen)), missing)


def _spread(pool: Pool, scores: Scores, vectors: Floats) -> list[int]:
    """Indexes of the chosen, best first: near the best score, unlike each other, few enough."""
    chosen: list[int] = []
    length = 0
    for at in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == MOST_CHOSEN or (chosen and scores[at] < NEAR_BEST * scores[chosen[0]]):
            break
        size = len(pool.passages[at].full.split())
        if chosen and (length + size > MOST_WORDS or float((vectors[chosen] @ vectors[at]).max()) > ALIKE):
            continue
        chosen.append(at)
        length += size
    return chosen


def _telling(pool: Pool, chosen: list[int]) -> list[int]:
    """Without the headings, unless there is nothing else: beside sentences they say nothing new."""
    return [at for at in chosen if pool.passages[at].kind != "heading"] or chosen


def _in_reading_order(pool: Pool, chosen: Sequence[int]) -> list[Passage]:
    """Chunk by chunk, that of the best passage first, each from top to bottom; `This ...` keeps what it refers to."""
    picked = [pool.passages[at] for at in chosen]
    by_place = {(passage.chunk, passage.order): passage for passage in pool.passages}
    ordered: list[Passage] = []
    for chunk in dict.fromkeys(passage.chunk for passage in picked):
        here = sorted((passage for passage in picked if passage.chunk == chunk), key=lambda passage: passage.order)
        for passage in here:
            before = by_place.get((chunk, passage.order - 1))
            if _ANAPHOR.match(passage.text) and before is not None and before.kind == "sentence":
                ordered.append(before)
            ordered.append(passage)
    return list(dict.fromkeys(ordered))[: MOST_CHOSEN + 1]


def _name_terms(chunk: Chunk, question: Question, language: str | None) -> frozenset[str]:
    """Terms of a document's name and title; of the question those too that stand inside a name written in one word."""
    stem = re.sub(r"[_.-]+", " ", chunk.doc.rpartition(".")[0] or chunk.doc)
    joined = re.sub(r"\W+", "", f"{stem}{chunk.title or ''}").casefold()
    inside = {term for term in question.terms if len(term) >= LEAST_INSIDE and term in joined}
    return frozenset(words.terms(f"{stem} {chunk.title or ''}", language)) | inside


def majority_language(chunks: Sequence[Chunk]) -> str | None:
    """The language that most of the chunks are in, the first of equals."""
    known = [chunk.language for chunk in chunks if chunk.language]
    return max(dict.fromkeys(known), key=known.count) if known else None
