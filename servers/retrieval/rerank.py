"""Order given chunks by how well each answers a question, within a time budget that all callers share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import structlog

from runtime.call import Call
from runtime.errors import AgentRAGError
from runtime.vectors.terms import words
from schemas.chunk import Chunk, Found, ScoreParts
from schemas.skills import Rerank
from servers.retrieval.fusion import of_best, spread, weighted
from servers.retrieval.query import Query, query_of

if TYPE_CHECKING:
    from servers.retrieval.query_vectors import QueryVectors
    from servers.retrieval.settings import RetrievalSettings

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
        """How many of `wanted` chunks fit, at most `seconds_left` from now."""
        room = min(self._seconds, seconds_left) / self._chunk_seconds - self._waiting
        return max(0, min(wanted, int(room)))

    def begin(self, chunks: int) -> None:
        """Note that chunks wait."""
        self._waiting += chunks

    def end(self, chunks: int, seconds: float | None) -> None:
        """Note that they wait no more, and how long they took if they were done."""
        self._waiting -= chunks
        if seconds is not None:
            self._chunk_seconds += TRUST * (seconds / chunks - self._chunk_seconds)


class Reordered(NamedTuple):
    """Chunks in a new order, or as they were with the reason."""

    chunks: list[Chunk]
    skipped: tuple[str, ...] = ()


class Reranker:
    """Reranks for one agent: by a cross-encoder when the settings name one, else by meaning and words together."""

    def __init__(self, settings: RetrievalSettings, query_vectors: QueryVectors) -> None:
        self._seconds = settings.rerank_budget_seconds
        self._budget = Budget(self._seconds)
        self._alpha = settings.hybrid_alpha
        self._query_vectors = query_vectors
        self.has_model = settings.has_reranker
        """Whether a cross-encoder reads question and passage together."""

    async def rerank(self, ask: Rerank, call: Call) -> Found:
        """The chunks, best first; those that the budget leaves out keep their order behind the others."""
        started = time.perf_counter()
        if not ask.chunks:
            return Found(chunks=(), tools=("rerank",))
        query = await query_of(ask.query)
        many = max(1, self._admitted(len(ask.chunks), call))
        scored = await self._scored(query, ask.chunks[:many], call)
        rest = [chunk.model_copy(update={"score": 0.0}) for chunk in ask.chunks[many:]]
        chunks = (_in_order(scored) + rest)[: ask.top_k]
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

    async def reorder(self, query: Query, chunks: Sequence[Chunk], call: Call) -> Reordered:
        """All chunks by the cross-encoder, or as they are when there is no time for all, or no model that answers."""
        if self._admitted(len(chunks), call) < len(chunks):
            return Reordered(list(chunks), (f"rerank of {len(chunks)} chunks: the time budget is too short",))
        try:
            async with asyncio.timeout(self._seconds):
                return Reordered(_in_order(await self._scored(query, chunks, call)))
        except TimeoutError:
            return Reordered(list(chunks), (f"rerank of {len(chunks)} chunks: not done within {self._seconds:g} s",))
        except AgentRAGError as error:
            log.warning("rerank.failed", code=error.code, reason=str(error))
            return Reordered(list(chunks), (f"rerank: {error}",))

    def _admitted(self, wanted: int, call: Call) -> int:
        return self._budget.admitted(wanted, call.caller.remaining(LONGEST_SECONDS))

    async def _scored(self, query: Query, chunks: Sequence[Chunk], call: Call) -> list[Chunk]:
        texts = [f"{chunk.doc}. {chunk.content}" for chunk in chunks]
        self._budget.begin(len(chunks))
        started, seconds = time.perf_counter(), None
        try:
            scored = await (self._by_model if self.has_model else self._by_both)(query, chunks, texts, call)
            seconds = time.perf_counter() - started
        finally:
            self._budget.end(len(chunks), seconds)
        return scored

    async def _by_model(self, query: Query, chunks: Sequence[Chunk], texts: Sequence[str], call: Call) -> list[Chunk]:
        scores = await call.on.reranker.scores(query.text, texts)
        return [_rescored(chunk, score) for chunk, score in zip(chunks, scores, strict=True)]

    async def _by_both(self, query: Query, chunks: Sequence[Chunk], texts: Sequence[str], call: Call) -> list[Chunk]:
        question = await self._query_vectors.of(query.text, call.on.embedder)
        vectors = await call.on.embedder.embed(texts)
        meaning = spread(dict(enumerate((vectors @ question).tolist())), len(chunks))
        by_words = of_best(dict(enumerate(word_scores(query, chunks, texts))))
        return [
            _rescored(
                chunk,
                weighted(((self._alpha, meaning[at]), (1 - self._alpha, by_words[at]))),
                meaning=meaning[at],
                words=by_words[at],
            )
            for at, chunk in enumerate(chunks)
        ]


def _in_order(chunks: Sequence[Chunk]) -> list[Chunk]:
    return sorted(chunks, key=lambda chunk: -chunk.score)


def _rescored(chunk: Chunk, score: float, **parts: float) -> Chunk:
    rounded = round(score, 6)
    told = (chunk.parts or ScoreParts()).model_copy(update={**parts, "rerank": rounded})
    return chunk.model_copy(update={"score": rounded, "parts": told})


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
