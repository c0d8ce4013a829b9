"""Progress of documents says in words where they stand."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console as RichConsole
from rich.progress import Progress, TextColumn

from hosts.cli.console import Console
from hosts.cli.progress import LiveBoard, PlainBoard, board, counted, spoken_size, state, time_left
from runtime.errors import UnreadableDocumentError
from tests.hosts.cli.toy_host import document


@pytest.mark.parametrize(
    ("stands", "words"),
    [
        ({"status": "pending"}, "waiting"),
        ({"status": "processing", "stage": "extracting", "pages": 50, "pages_done": 23}, "extracting page 23/50"),
        ({"status": "processing", "stage": "extracting", "pages": None}, "extracting"),
        ({"status": "processing", "stage": "embedding", "batches": 8, "batches_done": 3}, "embedding batch 3/8"),
        ({"status": "processing", "stage": "embedding"}, "embedding"),
        ({"status": "processing", "stage": "chunking"}, "chunking"),
        ({"status": "completed", "pages": 1, "chunks": 31}, "ready, 1 page, 31 chunks"),
        ({"status": "completed", "pages": None, "chunks": None}, "ready"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "failed", "message": "no end\nof file"}, "failed: no end of file"),
        ({"status": "failed"}, "failed"),
        ({"status": "failed", "message": "x", "error": UnreadableDocumentError("no EOF").problem()}, "failed: no EOF"),
    ],
)
def test_the_state_of_a_document_in_words(stands: dict[str, Any], words: str) -> None:
    assert state(document("doc_1", "a.pdf", **stands)) == words


def test_sizes_and_times_as_people_say_them() -> None:
    assert [spoken_size(size) for size in (17, 120_000, 15_000_000)] == ["17 bytes", "120 kB", "15.0 MB"]
    assert [time_left(seconds) for seconds in (-1, 31.4, 125)] == ["0:00 left", "0:31 left", "2:05 left"]
    assert [counted(number, "page") for number in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


def test_without_a_terminal_each_stage_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with board(Console(verbose=True)) as shown:
        assert isinstance(shown, PlainBoard)
        line = shown.line("a\033[31m.pdf", 12_000)
        line.sent(6000)
        line.sent(12_000)
        for done in (1, 2):
            line.moved(document("d", "a.pdf", status="processing", stage="extracting", pages_done=done), None)
        line.moved(document("d", "a.pdf"), None)
        line.ended("ready")
    err = capsys.readouterr().err
    assert err.splitlines() == ["a[31m.pdf: uploading 12 kB", "a[31m.pdf: extracting", "a[31m.pdf: ready"]


def test_moving_bars_show_bytes_then_percent_and_leave_the_outcome() -> None:
    columns = TextColumn("{task.description}|{task.completed}/{task.total}|{task.fields[what]}", markup=False)
    screen = io.StringIO()
    with Progress(columns, console=RichConsole(file=screen, width=200), auto_refresh=False) as progress:
        line = LiveBoard(progress).line("[red]" + "n" * 60 + ".pdf", 2_000_000)
        (task,) = progress.tasks
        assert task.description == "[red]" + "n" * 30 + "…"
        line.sent(1_000_000)
        assert (task.completed, task.total) == (1_000_000, 2_000_000)
        assert task.fields["what"] == "uploading 1.0 MB of 2.0 MB"
        working = {"status": "processing", "stage": "extracting", "pages": 50, "pages_done": 23, "progress": 40}
        line.moved(document("d", "a.pdf", **working), 31.0)
        assert (task.completed, task.total) == (40, 100)
        assert task.fields["what"] == "extracting page 23/50, 0:31 left"
        line.ended("ready, 50 pages")
        assert progress.tasks == []
    assert ".pdf: ready, 50 pages" in screen.getvalue()
    assert "[red]" in screen.getvalue()
