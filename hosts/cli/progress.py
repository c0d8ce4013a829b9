"""Progress of documents on stderr: moving bars for somebody who watches, else one line for each stage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hosts.cli.console import Console, one_line
from schemas.document import Document

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

NAME_CHARS = 36
"""Width of a name beside its bar."""


def spoken_size(size_bytes: int) -> str:
    """A size as people say it: `2.1 GB`, `15.0 MB`, `120 kB`, `17 bytes`."""
    if size_bytes >= 1_000_000_000:
        return f"{size_bytes / 1_000_000_000:.1f} GB"
    if size_bytes >= 1_000_000:
        return f"{size_bytes / 1_000_000:.1f} MB"
    return f"{size_bytes / 1000:.0f} kB" if size_bytes >= 1000 else f"{size_bytes} bytes"


def time_left(seconds: float) -> str:
    """`0:31 left`."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02d} left"


def counted(number: int, noun: str) -> str:
    """`1 page`, `8 pages`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def state(document: Document) -> str:
    """How a document stands, in a few words: `extracting page 23/50`, `embedding batch 3/8`, `ready, 80 pages`."""
    match document.status:
        case "completed":
            sizes = [(document.pages, "page"), (document.chunks, "chunk")]
            return ", ".join(["ready", *(counted(size, noun) for size, noun in sizes if size is not None)])
        case "failed":
            reason = document.error.detail if document.error else document.message
            return f"failed: {one_line(reason)}" if reason else "failed"
        case "processing" if document.stage == "extracting" and document.pages:
            return f"extracting page {document.pages_done}/{document.pages}"
        case "processing" if document.stage == "embedding" and document.batches:
            return f"embedding batch {document.batches_done}/{document.batches}"
        case "processing":
            return document.stage
        case "pending":
            return "waiting"
    return document.status


class Line(Protocol):
    """The progress of one document."""

    def sent(self, size_bytes: int) -> None:
        """So many bytes have gone to the host."""

    def moved(self, document: Document, eta_seconds: float | None) -> None:
        """The document has come further."""

    def ended(self, outcome: str) -> None:
        """Nothing more will come."""


class Board(Protocol):
    """The progress of all documents of a command."""

    def line(self, name: str, size_bytes: int) -> Line:
        """A line for a document that is taken up now."""


@dataclass
class PlainLine:
    """Tells each new stage in a line of its own."""

    console: Console
    name: str
    size_bytes: int
    _stage: str = ""

    def sent(self, size_bytes: int) -> None:
        """Tell the upload once."""
        self._tell("uploading", f"uploading {spoken_size(self.size_bytes)}")

    def moved(self, document: Document, eta_seconds: float | None) -> None:
        """Tell a new stage."""
        if document.status == "processing":
            self._tell(document.stage, document.stage)

    def ended(self, outcome: str) -> None:
        """Tell the outcome."""
        self._tell("ended", outcome)

    def _tell(self, stage: str, text: str) -> None:
        if stage != self._stage:
            self._stage = stage
            self.console.tell(f"{one_line(self.name)}: {text}")


@dataclass
class PlainBoard:
    """Lines for logs, and for terminals that cannot move them."""

    console: Console

    def line(self, name: str, size_bytes: int) -> Line:
        """A line for a document."""
        return PlainLine(self.console, name, size_bytes)


@dataclass
class LiveLine:
    """A bar that goes first by bytes sent, then by percent done."""

    progress: Progress
    task: TaskID
    name: str
    size_bytes: int

    def sent(self, size_bytes: int) -> None:
        """Move the bar of the upload."""
        what = f"uploading {spoken_size(min(size_bytes, self.size_bytes))} of {spoken_size(self.size_bytes)}"
        self.progress.update(self.task, completed=size_bytes, total=max(self.size_bytes, 1), what=what)

    def moved(self, document: Document, eta_seconds: float | None) -> None:
        """Move the bar of the ingestion."""
        left = "" if eta_seconds is None else f", {time_left(eta_seconds)}"
        self.progress.update(self.task, completed=document.progress, total=100, what=state(document) + left)

    def ended(self, outcome: str) -> None:
        """Put the outcome above the bars that still move."""
        self.progress.remove_task(self.task)
        self.progress.console.print(f"{one_line(self.name)}: {outcome}", markup=False, highlight=False)


@dataclass
class LiveBoard:
    """Moving bars, one for each document at work."""

    progress: Progress

    def line(self, name: str, size_bytes: int) -> Line:
        """A bar for a document."""
        label = one_line(name)
        short = label if len(label) <= NAME_CHARS else f"{label[: NAME_CHARS - 1]}…"
        task = self.progress.add_task(short, total=max(size_bytes, 1), what="uploading")
        return LiveLine(self.progress, task, label, size_bytes)


@contextmanager
def board(console: Console) -> Iterator[Board]:
    """Where the progress of documents is shown for the length of a command."""
    if not console.shows_progress:
        yield PlainBoard(console)
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[what]}", markup=False),
    )
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as progress:
        yield LiveBoard(progress)
