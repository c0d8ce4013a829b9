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
    titles: tuple[str, ...] = Field((), max_length=20, description="Documents with these words in title or name.")
    authors: tuple[str, ...] = Field((), max_length=20, description="Documents with these words in their author.")
    media_types: tuple[str, ...] = Field((), max_length=20, description="Media types or file endings, e.g. `pdf`.")

    @property
    def describes(self) -> bool:
        """Whether documents are chosen by what their records say of them."""
        return bool(self.titles or self.authors or self.media_types)


class ScoreParts(Message):
    """Why a chunk ranks where it does; each part is 0..1 after normalisation, absent when that ranker did not run."""

    meaning: float | None = None
    words: float | None = None
    page_words: float | None = None
    document: float | None = None
    named_page: float | None = Field(None, description="1 on a page that the question names by its number.")
    rerank: float | None = None
    matched: tuple[str, ...] = Field((), description="Stems of the question's words that the chunk holds.")


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


class Expansion(Message):
    """Words that a search looked for besides those of the question, for it names a concept that is stated in them."""

    concept: str
    words: tuple[str, ...]
    weight: float = Field(description="What they count beside the words of the question, 0..1.")


class Explanation(Message):
    """What a search looked for, where, and how it weighed what it found."""

    text: str = Field(description="The words that were looked for.")
    language: str | None = None
    terms: tuple[str, ...] = Field((), description="Their stems.")
    expansions: tuple[Expansion, ...] = ()
    weights: dict[str, float] = Field(description="Weight of each part of a score; they add up to 1.")
    expression: str | None = Field(None, description="The boolean expression, with all that is implied written out.")
    pages: int | None = Field(None, description="Pages that the expression names.")


class Found(Message):
    """Chunks, best first, with what was done to find them."""

    chunks: tuple[Chunk, ...]
    tools: tuple[str, ...] = Field(description="Rankers that ran, e.g. `vector`, `keyword`, `rerank`.")
    skipped: tuple[str, ...] = Field((), description="Rankers left out, each with its reason.")
    explanation: Explanation | None = Field(None, description="Given when `explain` was asked for.")
