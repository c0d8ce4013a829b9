"""What one retrieval agent keeps between calls: its searches with what they remember, and its reranker."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from runtime.call import Call
from servers.retrieval.query_vectors import QueryVectors
from servers.retrieval.rerank import Reranker
from servers.retrieval.search import Searches
from servers.retrieval.settings import RetrievalSettings

if TYPE_CHECKING:
    from runtime.backends import Backends


class Finders(NamedTuple):
    """How chunks are found and put in order."""

    searches: Searches
    reranker: Reranker

    @classmethod
    def of(cls, settings: RetrievalSettings) -> Finders:
        """With these settings, nothing remembered yet."""
        query_vectors = QueryVectors(settings.query_vectors_kept, 3600 * settings.query_vector_hours)
        reranker = Reranker(settings, query_vectors)
        return cls(Searches(settings, query_vectors, reranker), reranker)


_OF: WeakKeyDictionary[Backends, dict[RetrievalSettings, Finders]] = WeakKeyDictionary()


def finders(call: Call) -> Finders:
    """Those of the agent that is called; they are kept for as long as its backends."""
    settings = call.knobs(RetrievalSettings)
    kept = _OF.setdefault(call.on, {})
    if settings not in kept:
        kept[settings] = Finders.of(settings)
    return kept[settings]
