"""Searches: by meaning, by words, or by both, over the active versions of a tenant's documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from runtime.call import Call
from runtime.vectors.contract import Hit, Place, Probe, Using
from schemas.chunk import Chunk, Filters, Found
from schemas.skills import HybridSearch, KeywordSearch, OnePer, VectorSearch
from servers.retrieval.chunks import chunk_of
from servers.retrieval.filters import Scope
from servers.retrieval.language import Language
from servers.retrieval.page_sets import PageSets
from servers.retrieval.query import Query, query_of
from servers.retrieval.query_vectors import QueryVectors
from servers.retrieval.ranking import Lists, Ranked, Weights, missing_pages, pick, place, rank, unranked_pages
from servers.retrieval.relevance import coverage, relevance

if TYPE_CHECKING:
    from runtime.vectors.contract import Floats
    from servers.retrieval.settings import RetrievalSettings

log = structlog.get_logger()

WORDS: dict[str, Using] = {"words": "chunk_terms", "pages": "page_terms", "documents": "document_terms"}
"""Rankers by words, by the list that they make."""

GROUPS: dict[OnePer, Callable[[Hit], Hashable]] = {"page": place, "document": lambda hit: hit.document}
"""What a result may hold one chunk of."""


class Searches:
    """The searches of one agent."""

    def __init__(self, settings: RetrievalSettings) -> None:
        self._settings = settings
        self.query_vectors = QueryVectors(settings.query_vectors_kept, 3600 * settings.query_vector_hours)

    async def by_meaning(self, ask: VectorSearch, call: Call) -> Found:
        """The chunks nearest in meaning; the score is the cosine, nothing below 0."""
        started = time.perf_counter()
        query, scope = await self._prepare(ask.query, ask.filters, call)
        lists = await self._lists(query, scope, call, 1.0, ask.top_k)
        ranked = rank(lists, Weights(alpha=1.0, document=0.0))
        chosen = self._pick(ranked, ask, penalty=0.0)
        chunks = [chunk_of(one.hit, max(0.0, one.hit.score), one.parts if ask.explain else None) for one in chosen]
        return _told(("vector",), ask.query, chunks, started)

    async def by_words(self, ask: KeywordSearch, call: Call) -> Found:
        """The chunks whose words, and whose pages' words, fit best."""
        started = time.perf_counter()
        query, scope = await self._prepare(ask.query, ask.filters, call)
        chunks = await self._fused(query, scope, call, ask, alpha=0.0)
        return _told(("keyword",), ask.query, chunks, started)

    async def by_both(self, ask: HybridSearch, call: Call) -> Found:
        """The chunks that fit best by meaning and words together."""
        started = time.perf_counter()
        query, scope = await self._prepare(ask.query, ask.filters, call)
        alpha = self._alpha(query.language) if ask.alpha is None else ask.alpha
        chunks = await self._fused(query, scope, call, ask, alpha=alpha)
        tools = ("vector",) * (alpha > 0) + ("keyword",) * (alpha < 1)
        return _told(tools, ask.query, chunks, started)

    async def _prepare(self, question: str, filters: Filters, call: Call) -> tuple[Query, Scope]:
        query = await query_of(question, filters.languages)
        scope = Scope(filters, await call.on.records.versions.hidden(call.caller.tenant))
        if query.expression is None:
            return query, scope
        return query, replace(scope, places=await PageSets(scope, call).of(query.expression))

    def _alpha(self, language: Language) -> float:
        if not language.is_latin:
            return self._settings.hybrid_alpha_other_script
        return (
            self._settings.hybrid_alpha if language.code in (None, "en") else self._settings.hybrid_alpha_other_language
        )

    def _depth(self, top_k: int) -> int:
        return max(self._settings.search_candidates, 3 * top_k)

    async def _dense(self, query: Query, call: Call) -> Floats:
        """The question's vector. Raises FingerprintError when the tenant's index was built with another model."""
        embedder = call.on.embedder
        await call.on.vectors.ensure(call.caller.tenant, embedder.fingerprint, embedder.dimension)
        return await self.query_vectors.of(query.text, embedder)

    async def _fused(
        self, query: Query, scope: Scope, call: Call, ask: KeywordSearch | HybridSearch, *, alpha: float
    ) -> list[Chunk]:
        lists = await self._lists(query, scope, call, alpha, ask.top_k)
        chosen = self._pick(rank(lists, self._weights(alpha)), ask, penalty=self._settings.search_repeat_penalty)
        chunks = [chunk_of(one.hit, one.score, one.parts if ask.explain else None) for one in chosen]
        best_cosine = lists.meaning[0].score if lists.meaning else 0.0
        fit = relevance(query, chunks, alpha, best_cosine)
        return [chunk.model_copy(update={"score": round(chunk.score * fit, 6)}) for chunk in chunks]

    def _weights(self, alpha: float) -> Weights:
        knobs = self._settings
        return Weights(
            alpha=alpha,
            page_share=knobs.search_page_share,
            document=knobs.search_document_weight if alpha < 1 else 0.0,
            merge=knobs.search_fusion,
            rrf_constant=knobs.search_rrf_constant,
            anchor=knobs.search_candidates,
        )

    def _pick(
        self, ranked: Sequence[Ranked], ask: VectorSearch | KeywordSearch | HybridSearch, penalty: float
    ) -> list[Ranked]:
        if ask.one_per is not None:
            return pick(ranked, ask.top_k, most=1, of=GROUPS[ask.one_per])
        return pick(ranked, ask.top_k, most=self._settings.search_chunks_per_page, penalty=penalty)

    async def _lists(self, query: Query, scope: Scope, call: Call, alpha: float, top_k: int) -> Lists:
        """Ask all rankers that have a weight, in one go, and fetch what they left out of good pages."""
        probes: dict[str, Probe] = {}
        depth = self._depth(top_k)
        if alpha > 0 and query.text:
            probes["meaning"] = scope.by_meaning(await self._dense(query, call), depth)
        if alpha < 1:
            for name, using in WORDS.items():
                probes[name] = scope.by_words(using, query.terms, depth)
        found = await call.on.vectors.search(call.caller.tenant, list(probes.values()))
        lists = Lists(**dict(zip(probes, found, strict=True)))
        places = missing_pages(lists, self._settings.search_pages_fetched)
        if scope.places is not None:
            places = unranked_pages(lists, scope.places, top_k, first=places)
        if not places:
            return lists
        return replace(lists, fetched=_fullest(query, await call.on.vectors.fetch(call.caller.tenant, places)))


def _fullest(query: Query, hits: Sequence[Hit]) -> list[Hit]:
    """Of each page the chunk with most of the question's words, the first among equals."""
    best: dict[Place, tuple[float, Hit]] = {}
    for hit in hits:
        covered = coverage(query, chunk_of(hit, 0.0))
        if place(hit) not in best or covered > best[place(hit)][0]:
            best[place(hit)] = covered, hit
    return [hit for _, hit in best.values()]


def _told(tools: tuple[str, ...], question: str, chunks: Sequence[Chunk], started: float) -> Found:
    duration_ms = round(1000 * (time.perf_counter() - started), 1)
    log.info("search.completed", tools=tools, query_chars=len(question), chunks=len(chunks), duration_ms=duration_ms)
    return Found(chunks=tuple(chunks), tools=tools)
