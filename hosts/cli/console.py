"""The console: data on stdout, everything else on stderr, and what the command's end tells the shell."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TextIO

from hosts.cli.commands import INTERRUPTED
from runtime.errors import (
    AgentRAGError,
    FolderInUseError,
    ForbiddenError,
    InvalidInputError,
    SettingsError,
    UnauthenticatedError,
)

STEERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of text, with which a document could show other words than it holds."""

LINKLESS = ("linux", "vt", "cons", "sun")
"""Terminals, by how their TERM begins, that would show a link's address as text."""


class Exit(IntEnum):
    """Exit codes."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_READY = 3
    AUTH = 4
    NO_ANSWER = 5


def exit_code(error: AgentRAGError) -> Exit:
    """The exit code of an error by its kind; what may work later counts as not ready."""
    match error:
        case UnauthenticatedError() | ForbiddenError():
            return Exit.AUTH
        case FolderInUseError():
            return Exit.NOT_READY
        case InvalidInputError() | SettingsError():
            return Exit.USAGE
        case _:
            return Exit.NOT_READY if error.retryable else Exit.FAILED


def exit_for(error: BaseException) -> int:
    """Tell the person what ended the command and give its exit code; faults of ours are raised on."""
    match error:
        case AgentRAGError():
            Console().fail(error)
            return exit_code(error)
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough: flush into nothing
            return Exit.FAILED
        case KeyboardInterrupt() | asyncio.CancelledError():
            return INTERRUPTED
        case _:
            raise error


def clean(text: str) -> str:
    """`text` without characters that steer a terminal; tabs and line ends stay."""
    return "".join(
        character
        for character in text
        if character in "\n\t" or (unicodedata.category(character) != "Cc" and character not in STEERING)
    )


def one_line(text: str) -> str:
    """`text` cleaned, with every run of white space as one space."""
    return " ".join(clean(text).split())


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns aligned to the left, two spaces apart, one line a row."""
    lines = [tuple(heads), *(tuple(one_line(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def has_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is written in colours. Sources: no-color.org, force-color.org."""
    if environ.get("NO_COLOR"):
        return False
    return bool(environ.get("FORCE_COLOR")) or can_move(stream, environ)


def can_move(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal on which lines can be written over."""
    return stream.isatty() and environ.get("TERM") not in {"dumb", "unknown"}


def takes_links(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether OSC 8 links work on `stream`; FORCE_HYPERLINK says yes for any stream, or no when it is 0.

    Most terminals show links, and those that don't pass over them, but for the few that are left out here.
    """
    forced = environ.get("FORCE_HYPERLINK")
    if forced:
        return forced != "0"
    if environ.get("NO_COLOR") or not can_move(stream, environ):
        return False
    return not environ.get("TERM", "").startswith(LINKLESS)


@dataclass
class Console:
    """Where a command writes. Text of documents is cleaned on its way out; JSON goes out as it is."""

    verbose: bool = False
    _is_mid_line: bool = False

    @property
    def shows_links(self) -> bool:
        """Whether words on stdout can be links."""
        return takes_links(sys.stdout, os.environ)

    @property
    def has_colour(self) -> bool:
        """Whether stdout is written in colours."""
        return has_colour(sys.stdout, os.environ)

    @property
    def shows_progress(self) -> bool:
        """Whether stderr is a terminal on which lines may move."""
        return can_move(sys.stderr, os.environ)

    @property
    def is_read_live(self) -> bool:
        """Whether somebody watches stdout, so that text should come as it is made."""
        return sys.stdout.isatty()

    @property
    def is_chatty(self) -> bool:
        """Whether to tell what happens on the way: asked for, or somebody watches stderr."""
        return self.verbose or sys.stderr.isatty()

    def data(self, text: str, end: str = "\n") -> None:
        """Write to stdout. `text` must be clean; escapes of our own may stand in it."""
        sys.stdout.write(text + end)
        sys.stdout.flush()
        if text or end:
            self._is_mid_line = not (text + end).endswith("\n")

    def end_line(self) -> None:
        """End an unfinished line of data."""
        if self._is_mid_line:
            self.data("")

    def json(self, value: Any) -> None:
        """Write one JSON value to stdout."""
        self.data(json.dumps(value, ensure_ascii=False, indent=2))

    def say(self, text: str) -> None:
        """Write a line to stderr; on a terminal an unfinished line of data is ended first."""
        if sys.stdout.isatty() and sys.stderr.isatty():
            self.end_line()
        sys.stderr.write(clean(text) + "\n")
        sys.stderr.flush()

    def tell(self, text: str) -> None:
        """Write a line to stderr if somebody wants to know."""
        if self.is_chatty:
            self.say(text)

    async def confirms(self, question: str) -> bool:
        """Ask a person on stderr; anything but `y` or `yes` is a no. Without a terminal nobody is asked: yes."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return True
        sys.stderr.write(f"{one_line(question)} [y/N] ")
        sys.stderr.flush()
        loop, typed = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), typed.set)  # unlike a read in a thread, this can be interrupted
        try:
            await typed.wait()
        finally:
            loop.remove_reader(sys.stdin.fileno())
        return sys.stdin.readline().strip().casefold() in {"y", "yes"}

    def fail(self, error: AgentRAGError) -> None:
        """Write one line to stderr that says what is wrong."""
        flaws = [f"{flaw.pointer}: {flaw.detail}" if flaw.pointer else flaw.detail for flaw in error.flaws]
        line = one_line("; ".join([str(error), *flaws]))
        red, plain = ("\033[31m", "\033[0m") if has_colour(sys.stderr, os.environ) else ("", "")
        sys.stderr.write(f"{red}error:{plain} {line}\n")
        sys.stderr.flush()
