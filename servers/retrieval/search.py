"""Searches: by meaning, by words, or by both, over the active versions of a tenant's documents."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from runtime.call import Call
from runtime.vectors.contract import Hit
from runtime.vectors.terms import words
from schemas.chunk import Chunk, Explanation, Filters, Found
from schemas.message import TenantId
from schemas.skills import HybridSearch, KeywordSearch, OnePer, VectorSearch
from servers.retrieval.boolean import written
from servers.retrieval.chunks import chunk_of
from servers.retrieval.filters import Scope
from servers.retrieval.language import Language
from servers.retrieval.lexicon import Lexicon, lexicon
from servers.retrieval.page_sets import PageSets
from servers.retrieval.query import Query, query_of
from servers.retrieval.query_vectors import QueryVectors
from servers.retrieval.rankers import Rankers
from servers.retrieval.ranking import Lists, Ranked, Weights, pick, place, rank
from servers.retrieval.relevance import relevance
from servers.retrieval.remembered import Remembered
from servers.retrieval.rerank import Reranker

if TYPE_CHECKING:
    from servers.retrieval.settings import RetrievalSettings

log = structlog.get_logger()

Ask = VectorSearch | KeywordSearch | HybridSearch

GROUPS: dict[OnePer, Callable[[Hit], Hashable]] = {"page": place, "document": lambda hit: hit.document}
"""What a result may hold one chunk of."""

NO_DOCUMENT = ""
"""Id that no document has: looked for when no document fits, since no ids at all would mean all documents."""


@dataclass(frozen=True)
class Plan:
    """One search: what is asked, what is looked for and where, and how it is weighed."""

    ask: Ask
    query: Query
    scope: Scope
    weights: Weights
    state: str
    """The state of the index that is looked into."""

    @property
    def tools(self) -> tuple[str, ...]:
        """The rankers that it takes."""
        return ("vector",) * (self.weights.alpha > 0) + ("keyword",) * (self.weights.alpha < 1)


class Searches:
    """The searches of one agent, with what it remembers of those before."""

    def __init__(self, settings: RetrievalSettings, query_vectors: QueryVectors, reranker: Reranker) -> None:
        self._settings = settings
        self._query_vectors = query_vectors
        self._reranker = reranker
        self._results: Remembered[Found] = Remembered("searches", settings.searches_kept, 60 * settings.search_minutes)
        self._fitting: dict[TenantId, tuple[str, str]] = {}

    async def by_meaning(self, ask: VectorSearch, call: Call) -> Found:
        """The chunks nearest in meaning; the score is the cosine, nothing below 0."""
        return await self._found(ask, call, lambda _: Weights(alpha=1.0, document=0.0), self._nearest)

    async def by_words(self, ask: KeywordSearch, call: Call) -> Found:
        """The chunks whose words, and whose pages' words, fit best."""
        return await self._found(ask, call, lambda _: self._weights(0.0), self._fused)

    async def by_both(self, ask: HybridSearch, call: Call) -> Found:
        """The chunks that fit best by meaning and words together, reranked when a model for that is configured."""

        def weights(language: Language) -> Weights:
            return self._weights(self._alpha(language) if ask.alpha is None else ask.alpha)

        return await self._found(ask, call, weights, self._reranked, lexicon(self._settings.search_lexicon))

    async def _found(
        self,
        ask: Ask,
        call: Call,
        weights: Callable[[Language], Weights],
        find: Callable[[Plan, Call], Awaitable[Found]],
        concepts: Lexicon | None = None,
    ) -> Found:
        """What was found for the same a moment ago in the same index, or else what is found now."""
        started = time.perf_counter()
        scope = await self._scope(ask.filters, call)
        tenant = call.caller.tenant
        same = ask.model_copy(update={"query": " ".join(ask.query.split())})
        state = await call.on.vectors.state(tenant)
        key = tenant, state, scope, same
        known = self._results.get(key)
        if known is None:
            query = await query_of(ask.query, ask.filters.languages, concepts)
            scope = await _narrowed(scope, query, call)
            found = await find(Plan(ask, query, scope, weights(query.language), state), call)
            if not found.skipped:
                self._results.put(key, found)
        else:
            found = known
        log.info(
            "search.completed",
            tools=found.tools,
            query_chars=len(ask.query),
            chunks=len(found.chunks),
            remembered=known is not None,
            duration_ms=round(1000 * (time.perf_counter() - started), 1),
        )
        return found

    async def _scope(self, filters: Filters, call: Call) -> Scope:
        """Where to look; documents that are described by their records are named by their ids from here on."""
        tenant = call.caller.tenant
        if filters.describes:
            fitting = await call.on.records.documents.described(tenant, filters)
            doc_ids = tuple(doc_id for doc_id in fitting if not filters.doc_ids or doc_id in filters.doc_ids)
            filters = filters.model_copy(update={"doc_ids": doc_ids or (NO_DOCUMENT,)})
        return Scope(filters, await call.on.records.versions.hidden(tenant))

    def _alpha(self, language: Language) -> float:
        knobs = self._settings
        if not language.is_latin:
            return knobs.hybrid_alpha_other_script
        return knobs.hybrid_alpha if language.code in (None, "en") else knobs.hybrid_alpha_other_language

    def _weights(self, alpha: float) -> Weights:
        knobs = self._settings
        return Weights(
            alpha=alpha,
            page_share=knobs.search_page_share,
            document=knobs.search_document_weight if alpha < 1 else 0.0,
            named_page=knobs.search_named_page_weight,
            merge=knobs.search_fusion,
            rrf_constant=knobs.search_rrf_constant,
            anchor=knobs.search_candidates,
        )

    async def _fit(self, state: str, call: Call) -> None:
        """Raise FingerprintError when the index was built with another model; looked at once for each of its states."""
        tenant, embedder = call.caller.tenant, call.on.embedder
        if self._fitting.get(tenant) != (state, embedder.fingerprint):
            await call.on.vectors.ensure(tenant, embedder.fingerprint, embedder.dimension)
            self._fitting[tenant] = state, embedder.fingerprint

    async def _lists(self, plan: Plan, call: Call, top_k: int) -> Lists:
        if plan.weights.alpha > 0:
            await self._fit(plan.state, call)
        rankers = Rankers(self._settings, self._query_vectors, plan.query, plan.scope, call)
        return await rankers.lists(plan.weights.alpha, top_k)

    async def _nearest(self, plan: Plan, call: Call) -> Found:
        lists = await self._lists(plan, call, plan.ask.top_k)
        chosen = self._pick(rank(lists, plan.weights), plan.ask, plan.ask.top_k, penalty=0.0)
        return _told(plan, lists, [_chunk(one, max(0.0, one.hit.score), plan) for one in chosen])

    async def _fused(self, plan: Plan, call: Call) -> Found:
        return await self._best(plan, call, plan.ask.top_k)

    async def _reranked(self, plan: Plan, call: Call) -> Found:
        """The best chunks; with a model, the best of more candidates by its judgement."""
        top_k = plan.ask.top_k
        if not self._reranker.has_model:
            return await self._best(plan, call, top_k)
        found = await self._best(plan, call, max(top_k, self._settings.rerank_candidates))
        chunks, skipped = await self._reranker.reorder(plan.query, found.chunks, call)
        kept = [chunk if plan.ask.explain else chunk.model_copy(update={"parts": None}) for chunk in chunks[:top_k]]
        tools = found.tools if skipped else (*found.tools, "rerank")
        return found.model_copy(update={"chunks": tuple(kept), "tools": tools, "skipped": skipped})

    async def _best(self, plan: Plan, call: Call, top_k: int) -> Found:
        lists = await self._lists(plan, call, top_k)
        ranked = rank(lists, plan.weights)
        chosen = self._pick(ranked, plan.ask, top_k, penalty=self._settings.search_repeat_penalty)
        chunks = [_chunk(one, one.score, plan) for one in chosen]
        best_cosine = lists.meaning[0].score if lists.meaning else 0.0
        fit = relevance(plan.query, chunks, plan.weights.alpha, best_cosine)
        return _told(plan, lists, [chunk.model_copy(update={"score": round(chunk.score * fit, 6)}) for chunk in chunks])

    def _pick(self, ranked: Sequence[Ranked], ask: Ask, top_k: int, penalty: float) -> list[Ranked]:
        if ask.one_per is not None:
            return pick(ranked, top_k, most=1, of=GROUPS[ask.one_per])
        return pick(ranked, top_k, most=self._settings.search_chunks_per_page, penalty=penalty)


async def _narrowed(scope: Scope, query: Query, call: Call) -> Scope:
    """Only the pages that an expression names, if the query is one."""
    if query.expression is None:
        return scope
    return replace(scope, places=await PageSets(scope, call).of(query.expression))


def _chunk(one: Ranked, score: float, plan: Plan) -> Chunk:
    chunk = chunk_of(one.hit, score)
    if not plan.ask.explain:
        return chunk
    held = set(words(f"{chunk.doc} {chunk.content}", chunk.language or plan.query.languages[0]))
    matched = tuple(stem for stem in plan.query.stems if stem in held)
    return chunk.model_copy(update={"parts": one.parts.model_copy(update={"matched": matched})})


def _told(plan: Plan, lists: Lists, chunks: Sequence[Chunk]) -> Found:
    if not plan.ask.explain:
        return Found(chunks=tuple(chunks), tools=plan.tools)
    query, places = plan.query, plan.scope.places
    explanation = Explanation(
        text=query.text,
        language=query.language.code,
        terms=query.stems,
        expansions=query.expansions,
        weights=plan.weights.shares(names_pages=bool(lists.named)),
        expression=None if query.expression is None else written(query.expression),
        pages=None if places is None else len(places),
    )
    return Found(chunks=tuple(chunks), tools=plan.tools, explanation=explanation)
