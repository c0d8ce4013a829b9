"""Order given chunks by how well each answers a question: its meaning and its words together, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from runtime.call import Call
from runtime.vectors.terms import words
from schemas.chunk import Chunk, Found, ScoreParts
from schemas.skills import Rerank
from servers.retrieval.fusion import of_best, spread, weighted
from servers.retrieval.query import Query, query_of

if TYPE_CHECKING:
    from servers.retrieval.query_vectors import QueryVectors

log = structlog.get_logger()

FIRST_GUESS_SECONDS = 0.02
"""Time that one chunk is thought to take before any was measured."""
LONGEST_SECONDS = 3600.0
"""Time left to a caller who set no deadline."""
TRUST = 0.3
"""Weight of the latest measurement in the estimate."""


class Budget:
    """How many chunks can be reranked in time, judged by how long they took and how many wait already."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._chunk_seconds = FIRST_GUESS_SECONDS
        self._waiting = 0

    def admitted(self, wanted: int, seconds_left: float) -> int:
        """How many of `wanted` chunks fit, at most `seconds_left` from now; never less than one."""
        room = min(self._seconds, seconds_left) / self._chunk_seconds - self._waiting
        return max(1, min(wanted, int(room)))

    def begin(self, chunks: int) -> None:
        """Note that chunks wait."""
        self._waiting += chunks

    def end(self, chunks: int, seconds: float | None) -> None:
        """Note that they wait no more, and how long they took if they were done."""
        self._waiting -= chunks
        if seconds is not None:
            self._chunk_seconds += TRUST * (seconds / chunks - self._chunk_seconds)


class Reranker:
    """Reranks for one agent, all callers within one budget."""

    def __init__(self, budget_seconds: float, alpha: float, query_vectors: QueryVectors) -> None:
        self._budget = Budget(budget_seconds)
        self._alpha = alpha
        self._query_vectors = query_vectors

    async def rerank(self, ask: Rerank, call: Call) -> Found:
        """The chunks, best first; those that the budget leaves out keep their order behind the others."""
        started = time.perf_counter()
        if not ask.chunks:
            return Found(chunks=(), tools=("rerank",))
        query = await query_of(ask.query)
        many = self._budget.admitted(len(ask.chunks), call.caller.remaining(LONGEST_SECONDS))
        scored = await self._scored(query, ask.chunks[:many], call)
        rest = [chunk.model_copy(update={"score": 0.0}) for chunk in ask.chunks[many:]]
        chunks = (sorted(scored, key=lambda chunk: -chunk.score) + rest)[: ask.top_k]
        skipped = (f"rerank of {len(rest)} chunks: out of the time budget",) if rest else ()
        log.info(
            "search.completed",
            tools=("rerank",),
            query_chars=len(ask.query),
            chunks=len(chunks),
            left_out=len(rest),
            duration_ms=round(1000 * (time.perf_counter() - started), 1),
        )
        return Found(chunks=tuple(chunks), tools=("rerank",), skipped=skipped)

    async def _scored(self, query: Query, chunks: Sequence[Chunk], call: Call) -> list[Chunk]:
        texts = [f"{chunk.doc}. {chunk.content}" for chunk in chunks]
        self._budget.begin(len(chunks))
        seconds = None
        try:
            question = await self._query_vectors.of(query.text, call.on.embedder)
            started = time.perf_counter()
            vectors = await call.on.embedder.embed(texts)
            seconds = time.perf_counter() - started
        finally:
            self._budget.end(len(chunks), seconds)
        meaning = spread(dict(enumerate((vectors @ question).tolist())), len(chunks))
        by_words = of_best(dict(enumerate(word_scores(query, chunks, texts))))
        return [self._rescored(chunk, meaning[at], by_words[at]) for at, chunk in enumerate(chunks)]

    def _rescored(self, chunk: Chunk, meaning: float, by_words: float) -> Chunk:
        score = round(weighted(((self._alpha, meaning), (1 - self._alpha, by_words))), 6)
        parts = (chunk.parts or ScoreParts()).model_copy(
            update={"meaning": meaning, "words": by_words, "rerank": score}
        )
        return chunk.model_copy(update={"score": score, "parts": parts})


def word_scores(query: Query, chunks: Sequence[Chunk], texts: Sequence[str]) -> list[float]:
    """BM25 of each text among these texts, in their order; each in the language of its chunk."""
    from rank_bm25 import BM25Plus

    spoken = [chunk.language or query.languages[0] for chunk in chunks]
    corpus = [words(text, language) for text, language in zip(texts, spoken, strict=True)]
    asked = {language: set(words(query.text, language)) for language in spoken}
    if not any(corpus):
        return [0.0] * len(corpus)
    index = BM25Plus(corpus)
    # BM25+ gives every text something for each term of the question; what no text lacks tells nothing.
    scores = {language: index.get_scores(sorted(terms)) for language, terms in asked.items()}
    return [float(scores[language][at] - scores[language].min()) for at, language in enumerate(spoken)]
