"""Documents: what was uploaded, how far its ingestion has come, what is known about it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.message import Message
from schemas.problem import Problem

Status = Literal["pending", "processing", "completed", "failed", "cancelled"]
Stage = Literal["waiting", "extracting", "chunking", "embedding", "indexing", "done"]


class Document(Message):
    """A document as its owner sees it. `progress` runs 0..100; `message` says the same in words."""

    doc_id: str
    filename: str
    status: Status
    stage: Stage = "waiting"
    progress: int = Field(0, ge=0, le=100)
    message: str = ""
    media_type: str = ""
    size_bytes: int = 0
    sha256: str = ""
    version_id: str | None = Field(None, description="The version that searches use; none before the first completion.")
    title: str | None = None
    author: str | None = None
    date: datetime | None = Field(None, description="When the document says it was made.")
    language: str | None = None
    pages: int | None = None
    pages_done: int = 0
    chunks: int | None = None
    batches: int | None = None
    batches_done: int = 0
    paging: Literal["exact", "by section", "by size"] = Field("exact", description="How page numbers came about.")
    warnings: tuple[str, ...] = ()
    error: Problem | None = None
    attempts: int = 0
    created_at: datetime
    updated_at: datetime
    actor_id: str = ""


class Documents(Message):
    """A page of documents, newest first."""

    items: tuple[Document, ...]
    next_cursor: str | None = None


class Page(Message):
    """The stored text of one page."""

    doc_id: str
    doc: str
    page: int = Field(ge=1)
    pages: int
    page_label: str | None = None
    text: str
