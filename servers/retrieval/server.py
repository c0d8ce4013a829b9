"""The skills of the retrieval agent, each an MCP tool and an A2A skill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.call import Call, Skills
from schemas.chunk import Found
from schemas.skills import (
    HYBRID_SEARCH,
    KEYWORD_SEARCH,
    RERANK,
    VECTOR_SEARCH,
    HybridSearch,
    KeywordSearch,
    Rerank,
    VectorSearch,
)
from servers.retrieval.finders import finders
from servers.retrieval.lexicon import lexicon
from servers.retrieval.settings import RetrievalSettings
from servers.retrieval.warmth import warming

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from runtime.agent import AgentServer
    from runtime.backends import Backends, Need

DESCRIPTION = (
    "Finds the passages of the tenant's documents that answer a question: by meaning, by words, or by both, narrowed "
    "to documents, languages, dates, authors and kinds. Each passage comes with its document, page and score."
)
PROMPT = "phr-001-retrieval"
NEEDS: tuple[Need, ...] = ("vectors", "records", "embedder")


skills = Skills()


@skills.skill(VECTOR_SEARCH)
async def vector_search(ask: VectorSearch, call: Call) -> Found:
    """Find passages by meaning: for questions that describe something without naming it.

    Other words for the same thing match; codes, numbers and rare names are found better by `keyword_search`. The
    score is the cosine of question and passage.
    """
    return await finders(call).searches.by_meaning(ask, call)


@skills.skill(KEYWORD_SEARCH)
async def keyword_search(ask: KeywordSearch, call: Call) -> Found:
    """Find passages by words: for names, codes, numbers and exact terms, in any language.

    Inflected forms match; words that few passages have count more (BM25). AND, OR and NOT in capitals, parentheses and
    "phrases" decide exactly which pages may be found: `pump AND (valve OR "heat exchanger") AND NOT filter`. NOT binds
    tightest, then AND, then OR; words side by side are joined by AND.
    """
    return await finders(call).searches.by_words(ask, call)


@skills.skill(HYBRID_SEARCH)
async def hybrid_search(ask: HybridSearch, call: Call) -> Found:
    """Find passages by meaning and by words together: the best choice for most questions.

    `alpha` 1 is all meaning, 0 all words; leave it out for the measured balance of the question's language. Set
    `filters` to look at some documents only, and `explain` to see what was looked for and why each passage ranks where
    it does. AND, OR, NOT, parentheses and "phrases" decide which pages may be found, as in `keyword_search`.
    """
    return await finders(call).searches.by_both(ask, call)


@skills.skill(RERANK)
async def rerank(ask: Rerank, call: Call) -> Found:
    """Put passages that you have already in a new order, by how well each answers the query.

    Use it to merge the results of several searches. Passages for which the time does not suffice come last, in the
    order given; `skipped` says so.
    """
    return await finders(call).reranker.rerank(ask, call)


def create_agent(settings: RetrievalSettings | None = None, backends: Backends | None = None) -> AgentServer:
    """The retrieval agent, ready to serve; settings come from the environment when none are given."""
    from runtime.agent import AgentServer

    settings = settings or RetrievalSettings.beside(backends)
    lexicon(settings.search_lexicon)  # a file that cannot be used is told at the start, not by the first search
    return AgentServer(
        "retrieval",
        DESCRIPTION,
        skills,
        settings,
        needs=(*NEEDS, "reranker") if settings.has_reranker else NEEDS,
        prompts=(PROMPT,),
        backends=backends,
        background=warming if settings.warm_search else None,
    )


def create_server(settings: RetrievalSettings | None = None) -> FastMCP[Any]:
    """Its MCP server, for `fastmcp inspect` and the like."""
    return create_agent(settings).mcp
