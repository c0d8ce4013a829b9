"""Chunks: pieces of one page, how they are filtered, and how they come back from a search."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from schemas.message import Message


class Filters(Message):
    """Which documents a search may look at; an empty filter looks at all of them. All given parts must hold."""

    doc_ids: tuple[str, ...] = Field((), max_length=100, description="Only these documents.")
    languages: tuple[str, ...] = Field((), max_length=20, description="ISO 639-1 codes, e.g. `en`.")
    since: date | None = Field(None, description="Documents dated on or after this day.")
    until: date | None = Field(None, description="Documents dated on or before this day.")


class ScoreParts(Message):
    """Why a chunk ranks where it does; each part is 0..1 after normalisation, absent when that ranker did not run."""

    meaning: float | None = None
    words: float | None = None
    page_words: float | None = None
    document: float | None = None
    rerank: float | None = None


class Chunk(Message):
    """A verbatim piece of one page with its place in the document.

    `content == page text[start:end]`; offsets count characters of the stored page text. Pages are 1-based.
    """

    chunk_id: str
    doc_id: str
    doc: str = Field(description="File name of the document, as people know it.")
    version_id: str
    page: int = Field(ge=1)
    page_label: str | None = Field(None, description="The page number printed on the page, when the file carries one.")
    ordinal: int = Field(ge=0, description="Position among the chunks of its document, from 0.")
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    content: str
    language: str | None = None
    title: str | None = None
    score: float = 0.0
    parts: ScoreParts | None = Field(None, description="Given when `explain` was asked for.")


class Found(Message):
    """Chunks, best first, with what was done to find them."""

    chunks: tuple[Chunk, ...]
    tools: tuple[str, ...] = Field(description="Rankers that ran, e.g. `vector`, `keyword`, `rerank`.")
    skipped: tuple[str, ...] = Field((), description="Rankers left out, each with its reason.")
