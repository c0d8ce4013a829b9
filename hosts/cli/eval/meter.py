"""A meter of many like things: a moving bar for somebody who watches, else a line at each tenth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hosts.cli.console import Console

Advance = Callable[[int], None]
"""Told how many more are done."""


@contextmanager
def meter(console: Console, what: str, total: int) -> Iterator[Advance]:
    """Count `total` things on stderr, e.g. `questions`."""
    if not console.shows_progress:
        yield _plain(console, what, total)
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=RichConsole(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda more: progress.advance(task, more)


def _plain(console: Console, what: str, total: int) -> Advance:
    done = told = 0

    def advance(more: int) -> None:
        nonlocal done, told
        done += more
        tenth = 10 * done // total if total else 10
        if tenth > told:
            told = tenth
            console.say(f"{what}: {done} of {total}")

    return advance
