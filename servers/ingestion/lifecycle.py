"""Decide what a document's status, stage, progress and message become after each event, and when to try again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runtime.errors import AgentRAGError
from schemas.document import Document, Stage, Status
from schemas.problem import Problem

RUNNING: tuple[Status, ...] = ("pending", "processing")
"""Statuses in which work is due or under way; the others last until somebody asks for more."""

SHARES: Mapping[Stage, tuple[int, int]] = {
    "extracting": (0, 30),
    "chunking": (30, 35),
    "embedding": (35, 95),
    "indexing": (95, 100),
}
"""Per cent of the work at which each stage begins and ends."""


@dataclass(frozen=True)
class Queued:
    """Somebody asked for the work to be done from the start."""


@dataclass(frozen=True)
class Extracting:
    """So many pages of the file are read; `pages` is None while their number is not known."""

    done: int = 0
    pages: int | None = None


@dataclass(frozen=True)
class Chunking:
    """So many of the pages are cut into chunks."""

    done: int
    pages: int


@dataclass(frozen=True)
class Embedding:
    """So many of the chunks have vectors; they are made in batches of `batch`."""

    done: int
    chunks: int
    batch: int


@dataclass(frozen=True)
class Indexing:
    """All is stored and gets ready for searching."""


@dataclass(frozen=True)
class Retrying:
    """A try failed in a way that may pass; the next one begins after `seconds`."""

    problem: Problem
    seconds: float


@dataclass(frozen=True)
class Failed:
    """The last try failed, or one in a way that will not pass."""

    problem: Problem


@dataclass(frozen=True)
class Cancelled:
    """Somebody asked to stop."""


Event = Queued | Extracting | Chunking | Embedding | Indexing | Retrying | Failed | Cancelled


def after(document: Document, event: Event) -> Document:
    """The document as it stands after `event`."""
    return document.model_copy(update=_changes(document, event))


def differences(old: Document, new: Document) -> dict[str, Any]:
    """The fields in which two states of a document differ, with their new values."""
    return {name: value for name, value in new if value != getattr(old, name)}


def _changes(document: Document, event: Event) -> dict[str, Any]:
    match event:
        case Queued():
            return _fresh() | {"status": "pending", "stage": "waiting", "message": "Waiting", "attempts": 0}
        case Extracting(done, pages):
            return _working(document, "extracting", done, pages or 0) | {
                "message": f"Extracting page {done}/{pages}" if pages else "Opening the file",
                "pages": pages or document.pages,
                "pages_done": done,
            }
        case Chunking(done, pages):
            return _working(document, "chunking", done, pages) | {
                "message": f"Splitting page {done}/{pages} into chunks",
                "pages": pages,
                "pages_done": pages,
            }
        case Embedding(done, chunks, batch):
            batches = math.ceil(chunks / batch)
            return _working(document, "embedding", done, chunks) | {
                "message": f"Generating embeddings: Batch {min(done // batch + 1, batches)}/{batches}...",
                "chunks": chunks,
                "batches": batches,
                "batches_done": batches if done == chunks else done // batch,
            }
        case Indexing():
            return _working(document, "indexing", 0, 1) | {"message": "Indexing"}
        case Retrying(problem, seconds):
            again = document.attempts + 1
            return {
                "message": f"{problem.title}: try {again} begins in {seconds:g} s",
                "attempts": again,
                "error": problem,
            }
        case Failed(problem):
            return {"status": "failed", "message": f"Failed: {problem.detail}", "error": problem}
        case Cancelled():
            return {"status": "cancelled", "message": "Cancelled", "error": None}


def _fresh() -> dict[str, Any]:
    return {"progress": 0, "pages_done": 0, "batches": None, "batches_done": 0, "error": None}


def _working(document: Document, stage: Stage, done: int, total: int) -> dict[str, Any]:
    begin, end = SHARES[stage]
    share = done / total if total else 0.0
    return {
        "status": "processing",
        "stage": stage,
        "progress": begin + int((end - begin) * share),
        "attempts": max(1, document.attempts),
        "error": None,
    }


def completion(chunks: int, pages: int) -> dict[str, Any]:
    """The fields of a document that is ready, besides what its version tells of it."""
    return {
        "stage": "done",
        "progress": 100,
        "message": f"Completed: {chunks} chunk{'' if chunks == 1 else 's'}",
        "pages": pages,
        "pages_done": pages,
        "chunks": chunks,
        "error": None,
    }


def retry_after(error: AgentRAGError, attempts: int, delays: Sequence[float]) -> float | None:
    """Seconds to wait before the next try, when `attempts` were made; None to give up."""
    if not error.retryable or attempts > len(delays):
        return None
    return delays[max(0, attempts - 1)]
