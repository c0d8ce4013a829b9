"""Knobs of the retrieval agent; the defaults were measured on questions about long reports and short articles."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runtime.settings import Settings


class RetrievalSettings(Settings):
    """How lists of hits become one, how many are looked at, and what a search may take."""

    search_fusion: Literal["weighted", "rrf"] = "weighted"
    """How lists are merged: by a weighted sum of scores, or by reciprocal ranks."""
    hybrid_alpha: float = Field(0.5, ge=0, le=1)
    """Weight of meaning in a hybrid search in English; the rest is that of words."""
    hybrid_alpha_other_language: float = Field(0.3, ge=0, le=1)
    """The same for other languages in Latin script, since the packaged model has read little of them."""
    hybrid_alpha_other_script: float = Field(0.1, ge=0, le=1)
    """The same for other scripts, of which the packaged model knows hardly more than the letters."""
    search_page_share: float = Field(0.5, ge=0, le=1)
    """Weight of the words of the whole page within the weight of words; the rest is that of the chunk's own."""
    search_document_weight: float = Field(0.2, ge=0, le=1)
    """Weight of how well the document's name and first pages fit, on top of meaning and words."""
    search_named_page_weight: float = Field(0.3, ge=0, le=1)
    """Weight of standing on a page that the question names by its number, on top of meaning and words."""
    search_lexicon: str = "packaged"
    """Concepts and the words that documents state them in: `packaged`, `none`, or a file of that form."""
    search_rrf_constant: int = Field(60, ge=1)
    """Ranks by which reciprocal ranks are damped."""

    search_candidates: int = Field(100, ge=10, le=1000)
    """Hits taken from each ranker."""
    search_pages_fetched: int = Field(5, ge=0, le=50)
    """Best pages by words whose chunks are fetched when no ranker of chunks brought any of them."""
    search_chunks_per_page: int = Field(2, ge=1)
    """Most chunks of one page in a result."""
    search_repeat_penalty: float = Field(0.1, ge=0, le=1)
    """Score that a further chunk of a page loses against chunks of other pages."""

    rerank_candidates: int = Field(30, ge=1, le=100)
    """Best chunks of a hybrid search that a reranker puts in order, when `rerank_url` names one."""
    rerank_budget_seconds: float = Field(1.0, gt=0)
    """Longest that a rerank may take; chunks beyond it keep their place behind the others."""

    searches_kept: int = Field(256, ge=0)
    """Searches whose results are remembered, as long as the tenant's index stays as it is; each takes some 10 KB."""
    search_minutes: float = Field(5.0, gt=0)
    """Minutes for which they are."""
    query_vectors_kept: int = Field(4096, ge=0)
    """Questions whose vectors are remembered; each takes about 2 KB."""
    query_vector_hours: float = Field(24.0, gt=0)
    """Hours for which they are."""
    warm_search: bool = True
    """Load the embedding model right after the start, so that the first question need not wait for it."""
