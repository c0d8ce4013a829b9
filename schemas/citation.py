"""Citations: which words of which page support a sentence, and where they stand on the page."""

from __future__ import annotations

from pydantic import Field

from schemas.message import Message
from schemas.picture import Picture


class Rect(Message):
    """A rectangle on a page picture; fractions of its width and height, origin top left."""

    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)
    width: float = Field(ge=0, le=1)
    height: float = Field(ge=0, le=1)


class Span(Message):
    """A stretch of one page's text with the line rectangles that cover it.

    `start` and `end` count characters of the stored page text. `rects` is empty when the page has no layout
    (text formats) or the words could not be placed for certain: no box rather than a wrong box.
    """

    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    rects: tuple[Rect, ...] = ()


class Citation(Message):
    """One source of one sentence of an answer."""

    marker: str = Field(description="The literal marker found in the answer, e.g. `[0]`.")
    number: int = Field(ge=0)
    doc: str
    doc_id: str
    chunk_id: str
    page: int = Field(ge=1)
    page_label: str | None = None
    sentence: str = Field(description="The sentence of the answer that carries the marker.")
    quote: str = Field(description="Verbatim words of the page.")
    before: tuple[str, ...] = Field((), max_length=2, description="Up to two sentences that stand before the quote.")
    after: tuple[str, ...] = Field((), max_length=2, description="Up to two sentences that stand after the quote.")
    spans: tuple[Span, ...] = ()
    score: float = Field(ge=0, le=1, description="How well the quote supports the sentence.")
    verified: bool = Field(description="The quote stands verbatim on the page and supports the sentence.")


class Confidence(Message):
    """How far an answer can be trusted, 0..100, and what that rests on (each part 0..1)."""

    score: int = Field(ge=0, le=100)
    retrieval: float = Field(ge=0, le=1)
    coverage: float = Field(ge=0, le=1, description="Share of the answer's sentences with a verified citation.")
    agreement: float = Field(ge=0, le=1, description="How well quotes support their sentences, on average.")


class Cited(Message):
    """The citations of an answer in the order of their markers, and the confidence they give."""

    citations: tuple[Citation, ...]
    confidence: Confidence
    unknown_markers: tuple[str, ...] = Field((), description="Markers that name no given chunk; never sources.")


class Located(Message):
    """Where a quote stands in a document, or that it could not be found."""

    doc_id: str
    found: bool
    match: str = Field(description="`exact`, `fuzzy` or `none`.")
    score: float = Field(ge=0, le=1)
    quote: str = Field("", description="The words of the page that were matched, verbatim.")
    spans: tuple[Span, ...] = ()


class PageImage(Message):
    """A page as a picture, with the asked passages in yellow."""

    doc_id: str
    doc: str
    page: int = Field(ge=1)
    pages: int
    highlights: int = Field(description="Rectangles drawn.")
    located: bool = Field(description="False when a quote was asked for and not found on the page.")
    picture: Picture


class Verdict(Message):
    """Whether references support a claim."""

    supported: bool
    score: float = Field(ge=0, le=1, description="Higher means better supported; the threshold is 0.5.")
    evidence: str = Field("", description="The sentence of the references nearest to the claim.")
    reasons: tuple[str, ...] = Field((), description="Mismatches found, e.g. `number 42 is not in the references`.")
