"""Uploads: hand files in, ten at a time, and follow each until it is searchable or has failed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts.cli.api import Api
from hosts.cli.progress import Board, Line, state
from runtime.errors import AgentRAGError, AgentUnavailableError, InvalidInputError
from runtime.filekinds import MEDIA_TYPES
from runtime.resilience import Backoff
from schemas.document import Document

AT_ONCE = 10
"""Documents that are handed in or followed at the same time."""


BEGIN = Backoff(attempts=60, first_seconds=0.5, factor=1.0)
"""When to look whether work on a document has begun again."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file or document; `error` is set when the host refused it or could not be asked."""

    name: str
    document: Document | None = None
    is_new: bool = True
    error: AgentRAGError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it is not, and will not be, searchable as it stands."""
        return self.document is None or self.document.status in {"failed", "cancelled"}

    @property
    def text(self) -> str:
        """The outcome in a few words."""
        if self.document is None:
            return f"failed: {self.error}"
        known = "" if self.is_new else " (known already)"
        return state(self.document) + known

    def row(self) -> tuple[str, str, str]:
        """Id, name and outcome."""
        return (self.document.doc_id if self.document else "-", self.name, self.text)

    def shown(self) -> dict[str, Any]:
        """The outcome as JSON."""
        document = None if self.document is None else self.document.model_dump(mode="json")
        error = None if self.error is None else self.error.problem().model_dump(mode="json")
        return {"name": self.name, "new": self.is_new, "document": document, "error": error}


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files meant: those named, and those below folders that have a known ending and no dot in front; each once.

    Raises: InvalidInputError when there are none.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _below(path) if path.is_dir() else (path,):
            found.setdefault(file.resolve(), file)
    if not found:
        places = ", ".join(str(path) for path in paths)
        raise InvalidInputError(f"there is no document in {places}; known endings are {', '.join(MEDIA_TYPES)}")
    return list(found.values())


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in MEDIA_TYPES:
                yield Path(place) / name


def size_of(path: Path) -> int:
    """Bytes of a file, 0 when it cannot be looked at; the upload says why."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


async def watched(api: Api, document: Document, line: Line, *, anew: bool = False) -> Document:
    """A document once it has ended, its progress shown on the way.

    `anew` says that work is about to begin again, so that the state given is an old one, even if it is an end.
    Raises: AgentUnavailableError when nothing begins within half a minute.
    """
    old = document.updated_at if anew else None
    waits = BEGIN.waits()
    while True:
        async with aclosing(api.watch(document.doc_id)) as events:
            async for event in events:
                if event.document.updated_at != old:
                    document = event.document
                    line.moved(document, event.eta_s)
        if document.updated_at != old:
            return document
        if not waits:
            raise AgentUnavailableError(
                f"ingestion has not begun {document.doc_id} anew; it will once its agent is back: `agentrag docs ls`"
            )
        await asyncio.sleep(waits.pop(0))


async def hand_in(api: Api, path: Path, board: Board, *, wait: bool) -> Outcome:
    """Upload a file and follow it to its end, or only upload it."""
    line = board.line(path.name, size_of(path))
    outcome = await _outcome(path.name, lambda: api.upload(path, line.sent))
    if wait and outcome.document is not None:
        sent, is_new = outcome.document, outcome.is_new
        outcome = await _outcome(path.name, lambda: _followed(api, sent, line, is_new))
    line.ended(outcome.text)
    return outcome


async def redo(api: Api, document: Document, board: Board, *, wait: bool) -> Outcome:
    """Have a document made searchable anew, and follow it to its end unless told otherwise."""
    line = board.line(document.filename, 0)

    async def begun() -> tuple[Document, bool]:
        again = await api.reprocess(document.doc_id)
        return (await watched(api, again, line, anew=True) if wait else again), True

    outcome = await _outcome(document.filename, begun)
    line.ended(outcome.text)
    return outcome


async def _followed(api: Api, document: Document, line: Line, is_new: bool) -> tuple[Document, bool]:
    is_tried_again = not is_new and document.status in {"failed", "cancelled"}
    return await watched(api, document, line, anew=is_tried_again), is_new


async def _outcome(name: str, act: Callable[[], Awaitable[tuple[Document, bool]]]) -> Outcome:
    """What `act` comes to; an error of one document does not stop the others."""
    try:
        document, is_new = await act()
    except AgentRAGError as error:
        return Outcome(name, error=error)
    return Outcome(name, document, is_new)


async def all_at_once(acts: Sequence[Callable[[], Awaitable[Outcome]]]) -> list[Outcome]:
    """The outcomes in the order of `acts`, never more than ten of them at work."""
    free = asyncio.Semaphore(AT_ONCE)

    async def run(act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        async with free:
            return await act()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(act)) for act in acts]
    return [task.result() for task in tasks]
