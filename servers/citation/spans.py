"""Lead from a chunk to its page: where its words stand in the stored text, in the source, and among their sentences."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from runtime.pagetext import to_source
from runtime.records.contract import PageRecord
from servers.citation.locate import PageText, exact

Stretch = tuple[int, int]

CONTEXT_SENTENCES = 2
"""Sentences shown on either side of a quote."""
CONTEXT_CHARS = 400
"""Most characters shown on either side of a quote."""


def anchor(content: str, start: int, end: int, text: str) -> Stretch | None:
    """Where a chunk's words stand on the page: as noted, else wherever the page has them; None when it has not."""
    if text[start:end] == content:
        return start, end
    at = text.find(content)
    if at >= 0:
        return at, at + len(content)
    return exact(content, PageText(text), near=start)


def context(text: str, stretch: Stretch, sentences: Sequence[Stretch]) -> tuple[list[Stretch], list[Stretch]]:
    """Up to two sentences before and after a stretch, the nearest kept first, in the order of the page."""
    start, end = stretch
    ends = [last for _, last in sentences]
    starts = [first for first, _ in sentences]
    before = list(sentences[: bisect_right(ends, start)])[-CONTEXT_SENTENCES:]
    after = list(sentences[bisect_left(starts, end) :])[:CONTEXT_SENTENCES]
    return _within(text, before[::-1], keep_end=True)[::-1], _within(text, after, keep_end=False)


def _within(text: str, nearest_first: Sequence[Stretch], *, keep_end: bool) -> list[Stretch]:
    """As many sentences as fit; the nearest one is cut at a space when it alone is too long."""
    kept: list[Stretch] = []
    room = CONTEXT_CHARS
    for start, end in nearest_first:
        if end - start > room:
            if not kept:
                kept.append(_cut(text, start, end, room, keep_end=keep_end))
            break
        kept.append((start, end))
        room -= end - start
    return kept


def _cut(text: str, start: int, end: int, room: int, *, keep_end: bool) -> Stretch:
    if keep_end:
        space = text.find(" ", end - room, end)
        return (space + 1 if space >= 0 else end - room), end
    space = text.rfind(" ", start, start + room)
    return start, (space if space > start else start + room)


def source(page: PageRecord, stretch: Stretch) -> list[tuple[int, int]]:
    """The (first character, count) of the source page that a stretch of the stored text came from."""
    return to_source(page.offsets, *stretch)
