"""Which documents a description fits: by words of their titles, names and authors, and by kind."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from runtime.vectors.terms import in_row
from schemas.chunk import Filters

_BETWEEN_WORDS = re.compile(r"[_.]")


def fits(wanted: Filters, *, filename: str, title: str | None, author: str | None, media_type: str) -> bool:
    """Whether a document has what `wanted` says of title, author and kind; each that is given has to hold."""
    kinds = {media_type.lower(), PurePosixPath(filename).suffix.removeprefix(".").lower()}
    return (
        _is_said(wanted.titles, f"{title or ''} {filename}")
        and _is_said(wanted.authors, author or "")
        and (not wanted.media_types or any(kind.lower().removeprefix(".") in kinds for kind in wanted.media_types))
    )


def _is_said(wanted: Iterable[str], text: str) -> bool:
    """Whether all words of any of the wanted texts are there; True when nothing is wanted."""
    choices, there = [_words(choice) for choice in wanted], _words(text)
    return not choices or any(choice <= there for choice in choices)


def _words(text: str) -> set[str]:
    return set(in_row(_BETWEEN_WORDS.sub(" ", text)))
