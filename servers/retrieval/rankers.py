"""Ask the rankers of a search side by side, and fetch what they left out of good pages."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runtime.vectors.contract import Hit, Place, Using
from schemas.message import VersionId
from servers.retrieval.filters import Scope
from servers.retrieval.named_pages import LAST, named_pages
from servers.retrieval.query import Query
from servers.retrieval.query_vectors import QueryVectors
from servers.retrieval.ranking import Lists, missing_pages, place, unranked_pages
from servers.retrieval.relevance import coverage

if TYPE_CHECKING:
    from runtime.call import Call
    from runtime.vectors.contract import Floats
    from servers.retrieval.settings import RetrievalSettings

WORDS: dict[str, Using] = {"words": "chunk_terms", "pages": "page_terms", "documents": "document_terms"}
"""Rankers by words, by the list that they make."""

NAMED_DOCUMENTS = 3
"""Most documents in which a page is looked up by its number; in more than these, only in the likeliest one."""


async def _nothing() -> dict[str, list[Hit]]:
    return {}


@dataclass(frozen=True)
class Rankers:
    """The rankers, for one search."""

    settings: RetrievalSettings
    query_vectors: QueryVectors
    query: Query
    scope: Scope
    call: Call

    async def lists(self, alpha: float, top_k: int) -> Lists:
        """What all rankers with a weight find, deep enough for `top_k`, and chunks of pages that they left out."""
        lists = await self._ranked(alpha, max(self.settings.search_candidates, 3 * top_k))
        places = missing_pages(lists, self.settings.search_pages_fetched)
        if alpha < 1 and (named := await self._named(lists)):
            lists = replace(lists, named=named)
            places = list(dict.fromkeys([*places, *sorted(named)]))
        if self.scope.places is not None:
            places = unranked_pages(lists, self.scope.places, top_k, first=places)
        if not places:
            return lists
        return replace(lists, fetched=self._fullest(await self.call.on.vectors.fetch(self.call.caller.tenant, places)))

    async def _ranked(self, alpha: float, depth: int) -> Lists:
        """Words are looked for while the question is embedded."""
        by_meaning = self._by_meaning(depth) if alpha > 0 and self.query.text else _nothing()
        by_words = self._by_words(depth) if alpha < 1 else _nothing()
        meaning, words = await asyncio.gather(by_meaning, by_words)
        return Lists(meaning.get("meaning"), words.get("words"), words.get("pages"), words.get("documents"))

    async def _by_meaning(self, depth: int) -> dict[str, list[Hit]]:
        probe = self.scope.by_meaning(await self._dense(), depth)
        return {"meaning": (await self.call.on.vectors.search(self.call.caller.tenant, [probe]))[0]}

    async def _by_words(self, depth: int) -> dict[str, list[Hit]]:
        query = self.query
        probes = [
            self.scope.by_words(using, query.terms if name == "documents" else query.expanded_terms, depth)
            for name, using in WORDS.items()
        ]
        found = await self.call.on.vectors.search(self.call.caller.tenant, probes)
        return dict(zip(WORDS, found, strict=True))

    async def _dense(self) -> Floats:
        """The question's vector, moved towards the words of its expansions by their weight."""
        embedder, query = self.call.on.embedder, self.query
        if not query.expansions:
            return await self.query_vectors.of(query.text, embedder)
        texts = query.text, query.added_words(*query.expansions)
        vector, added = await asyncio.gather(*(self.query_vectors.of(text, embedder) for text in texts))
        moved: Floats = vector + max(expansion.weight for expansion in query.expansions) * added
        moved /= float(moved @ moved) ** 0.5
        return moved

    async def _named(self, lists: Lists) -> frozenset[Place]:
        """The pages that the question names by number, in the documents it is about or else in the likeliest one."""
        numbers = named_pages(self.query.text)
        if not numbers:
            return frozenset()
        about = self.scope.filters.doc_ids
        likeliest = tuple(hit.document for hit in (lists.documents or ())[:1])
        named: set[Place] = set()
        for doc_id in about if 0 < len(about) <= NAMED_DOCUMENTS else likeliest:
            document = await self.call.on.records.documents.get(self.call.caller.tenant, doc_id)
            if document is not None and document.version_id is not None and document.pages:
                pages = {document.pages if number == LAST else number for number in numbers}
                named |= {(VersionId(document.version_id), page) for page in pages if page <= document.pages}
        return frozenset(named if self.scope.places is None else named & self.scope.places)

    def _fullest(self, hits: Sequence[Hit]) -> list[Hit]:
        """Of each page the chunk with most of the question's words, the first among equals."""
        best: dict[Place, tuple[float, Hit]] = {}
        for hit in hits:
            told = hit.payload
            covered = coverage(self.query, told["doc"], told["content"], told.get("language"))
            if place(hit) not in best or covered > best[place(hit)][0]:
                best[place(hit)] = covered, hit
        return [hit for _, hit in best.values()]
