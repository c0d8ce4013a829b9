"""Ask the rankers of a search, all in one go, and fetch what they left out of good pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from runtime.vectors.contract import Hit, Place, Probe, Using
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
        probes: dict[str, Probe] = {}
        if alpha > 0 and self.query.text:
            probes["meaning"] = self.scope.by_meaning(await self._dense(), depth)
        if alpha < 1:
            for name, using in WORDS.items():
                terms = self.query.terms if name == "documents" else self.query.expanded_terms
                probes[name] = self.scope.by_words(using, terms, depth)
        found = await self.call.on.vectors.search(self.call.caller.tenant, list(probes.values()))
        by_name = dict(zip(probes, found, strict=True))
        return Lists(by_name.get("meaning"), by_name.get("words"), by_name.get("pages"), by_name.get("documents"))

    async def _dense(self) -> Floats:
        """The question's vector, moved towards the words of its expansions by their weight."""
        embedder, query = self.call.on.embedder, self.query
        vector = await self.query_vectors.of(query.text, embedder)
        if not query.expansions:
            return vector
        added = await self.query_vectors.of(query.added_words(*query.expansions), embedder)
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
