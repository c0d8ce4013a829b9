"""Files of JSON lines, plain or gzipped; whatever is wrong with one is told with its line number."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hosts.cli.console import one_line
from runtime.errors import InvalidInputError

SHOWN_CHARS = 60
"""Characters of a wrong value that a message shows."""


@dataclass(frozen=True)
class Line:
    """One JSON object of a file."""

    path: Path
    number: int
    fields: Mapping[str, Any]

    def fault(self, what: str) -> InvalidInputError:
        """The error that names this line."""
        return InvalidInputError(f"{self.path}, line {self.number}: {what}")

    def first(self, *names: str) -> tuple[str, Any]:
        """The first of the fields that is there, with its name. Raises InvalidInputError when none is."""
        for name in names:
            if name in self.fields:
                return name, self.fields[name]
        raise self.fault(f"there is no {' or '.join(repr(name) for name in names)}; add it")

    def text(self, *names: str) -> str:
        """A text by any of its names. Raises InvalidInputError when it is missing or no text."""
        name, value = self.first(*names)
        if not isinstance(value, str):
            raise self.fault(f"{name!r} is {shown(value)}; write a text in quotes")
        return value

    def id(self) -> str | int:
        """The value of `id` or `_id`, a text or a whole number. Raises InvalidInputError."""
        name, value = self.first("id", "_id")
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise self.fault(f"{name!r} is {shown(value)}; write a text or a whole number")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts. Raises InvalidInputError when it is missing, empty or something else."""
        _, value = self.first(name)
        if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
            raise self.fault(f"{name!r} is {shown(value)}; write a list of one or more texts")
        return tuple(value)


def shown(value: object) -> str:
    """A value as a message shows it."""
    text = one_line(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= SHOWN_CHARS else f"{text[: SHOWN_CHARS - 1]}…"


def read(path: Path) -> Iterator[Line]:
    """The objects of a file in order, blank lines left out.

    Raises: InvalidInputError when the file cannot be read, a line is no JSON object, or there are none.
    """
    found = False
    for number, text in _numbered(path):
        if text.strip():
            found = True
            yield _line(path, number, text)
    if not found:
        raise InvalidInputError(f"{path} has no lines; write one JSON object on each")


def _line(path: Path, number: int, text: str) -> Line:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path}, line {number}: no JSON ({error}); write one object a line") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{path}, line {number}: {shown(value)} is no JSON object; write {{...}}")
    return Line(path, number, value)


def _numbered(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if is_packed else path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                yield number, _decoded(path, number, raw)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInputError(f"{path} cannot be read: {reason}; see its path and its content") from error


def _decoded(path: Path, number: int, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            f"{path}, line {number}: byte {error.start + 1} is no UTF-8; save the file as UTF-8"
        ) from error


def refuse_repeats(lines: Sequence[tuple[Line, str | int]]) -> None:
    """Raise InvalidInputError when two lines have one id."""
    seen: dict[str | int, Line] = {}
    for line, id_ in lines:
        if id_ in seen:
            raise line.fault(f"the id {shown(id_)} is that of line {seen[id_].number} already; give each line its own")
        seen[id_] = line
