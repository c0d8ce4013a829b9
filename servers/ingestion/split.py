"""Cut a page into chunks of a few sentences that overlap, by the tokens of the embedding model."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from runtime.records.contract import PageRecord
from runtime.sentences import sentences

Span = tuple[int, int]
Tokens = Callable[[str], list[Span]]

WIDE = "\u2e80"
"""From here on characters are written without spaces and words cannot be told by them."""

_CLOSED = re.compile(r"[.!?…。！？｡؟۔।॥።][\"'”’»)\]」』）】]*(?:\s?\[\d+\])*$")
_CLAUSE = re.compile(r"[;:；：]\s+|\s(?=[•●▪◦■])")


@dataclass(frozen=True)
class Piece:
    """A chunk before it is stored: `content == page text[start:end]`; `ordinal` counts within the document."""

    page: int
    ordinal: int
    start: int
    end: int
    content: str


def split(pages: Iterable[PageRecord], tokens: Tokens, *, size: int, overlap: int, first: int = 0) -> list[Piece]:
    """The chunks of all pages, at most `size` tokens each, `overlap` of them shared with the one before at most.

    Chunks never cross pages; those of a page hold all its words. `first` is the ordinal of the first.
    """
    spans = ((page, span) for page in pages for span in cut(page.text, tokens(page.text), size=size, overlap=overlap))
    return [
        Piece(page.page, ordinal, start, end, page.text[start:end])
        for ordinal, (page, (start, end)) in enumerate(spans, first)
    ]


def cut(text: str, tokens: Sequence[Span], *, size: int, overlap: int) -> list[Span]:
    """Spans of the chunks of one text, without white space around them.

    A chunk ends with a sentence where one ends in its second half, else with a heading, row or list item, else with
    a clause, else with a word. The next one begins likewise, up to `overlap` tokens earlier.
    """
    kept = [(start, end) for start, end in tokens if text[start:end].strip()]
    edges = _Edges(text, kept)
    spans = []
    for begin, end in _windows(len(kept), edges, size, overlap):
        start, stop = kept[begin][0], kept[end - 1][1]
        spans.append(_trimmed(text, 0 if begin == 0 else start, len(text) if end == len(kept) else stop))
    return spans


def _windows(count: int, edges: _Edges, size: int, overlap: int) -> Iterator[Span]:
    """Runs of tokens (first, behind the last)."""
    begin = 0
    while count - begin > size:
        end = edges.last(begin + size // 2 + 1, begin + size)
        yield begin, end
        begin = edges.first(end - overlap, end)
    if begin < count:
        yield begin, count


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


class _Edges:
    """Tokens at which a chunk may begin, the best kind first: behind closed sentences, at sentences, clauses, words."""

    def __init__(self, text: str, tokens: Sequence[Span]) -> None:
        starts = [start for start, _ in tokens]
        found = sentences(text)
        begins = [start for start, _ in found]
        closed = [start for (_, end), start in zip(found, begins[1:], strict=False) if _ends_closed(text, end)]
        self._kinds = (
            _at(starts, closed),
            _at(starts, begins),
            _at(starts, [found.end() for found in _CLAUSE.finditer(text)]),
            [at for at, (start, _) in enumerate(tokens) if _begins_word(text, start)],
        )

    def last(self, low: int, high: int) -> int:
        """The last good edge in [low, high], or `high`."""
        for kind in self._kinds:
            at = bisect_right(kind, high) - 1
            if at >= 0 and kind[at] >= low:
                return kind[at]
        return high

    def first(self, low: int, high: int) -> int:
        """The first good edge in [low, high), or `low`; `high` when the two are the same."""
        for kind in self._kinds:
            at = bisect_left(kind, low)
            if at < len(kind) and kind[at] < high:
                return kind[at]
        return low


def _at(starts: list[int], places: Iterable[int]) -> list[int]:
    """The tokens that begin at or after each place."""
    return [at for at in (bisect_left(starts, place) for place in places) if at < len(starts)]


def _ends_closed(text: str, end: int) -> bool:
    return _CLOSED.search(text, max(0, end - 8), end) is not None


def _begins_word(text: str, start: int) -> bool:
    if start == 0:
        return True
    before, here = text[start - 1], text[start]
    return not (before.isalnum() and here.isalnum()) or here >= WIDE or before >= WIDE
