"""Questions: what is asked, and the finished run that answers it."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.answer import TokenUsage
from schemas.chunk import Filters
from schemas.citation import Citation, Confidence, PageImage
from schemas.event import RunStatus, Source
from schemas.message import Message
from schemas.problem import Problem

QUESTION_CHARS = 500
"""Longest question, in characters."""


class Query(Message):
    """A question about the caller's documents."""

    query: str = Field(min_length=1, max_length=QUESTION_CHARS)
    filters: Filters = Filters()
    conversation_id: str | None = Field(None, max_length=64, description="Earlier turns of it are taken as context.")
    top_k: int = Field(5, ge=1, le=20, description="Passages handed to the answer.")
    alpha: float | None = Field(None, ge=0, le=1, description="1 is all meaning, 0 all words; the default is measured.")


PICTURES = 8
"""Most page pictures that come with one answer."""


class Ask(Query):
    """A question, and what should come with its answer."""

    pictures: int = Field(
        0, ge=0, le=PICTURES, description="Show the first so many cited pages as pictures, the quotes in yellow."
    )


class Run(Message):
    """A question and what became of it; the answer's markers are `[n]` with n the `number` of a citation."""

    query_id: str
    conversation_id: str
    query: str
    status: RunStatus
    answer: str = ""
    kind: str | None = Field(None, description="`extractive` or `generated`.")
    model: str | None = None
    abstained: bool = False
    citations: tuple[Citation, ...] = ()
    sources: tuple[Source, ...] = ()
    confidence: Confidence | None = None
    related: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    usage: dict[str, TokenUsage] = Field(default_factory=dict)
    latency_ms: dict[str, float] = Field(default_factory=dict)
    error: Problem | None = None
    trace_id: str
    created_at: datetime
    finished_at: datetime | None = None


class Answered(Run):
    """A finished run with pictures of pages that it cites, when they were asked for."""

    pictures: tuple[PageImage, ...] = ()
