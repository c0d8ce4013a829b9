"""Find a quote in the pages of a document: on one of them, or from the foot of one to the head of the next."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from servers.citation.canonical import bare
from servers.citation.locate import LEAST_CHARS, Match, PageText, exact, find, words_of

Place = tuple[int, Match]
"""A page (position among the pages given) and where on it."""

RICHEST_PAGES = 5
"""Pages that share most of the quote's words; only these are searched for a quote with slips."""
MARGIN_CHARS = 200
"""Canonical characters of a foot or head line that may stand between the two parts of a quote that goes on overleaf."""
SURE_CHARS = 40
"""Canonical characters from which a part is taken for one wherever it stands: below a footnote's rule, say."""


def find_in_pages(quote: str, pages: Sequence[str]) -> tuple[Place, ...]:
    """Where the quote stands: the first exact page, else two that it runs across, else the most similar; or nothing."""
    ready = [PageText(text) for text in pages]
    for index, page in enumerate(ready):
        span = exact(quote, page)
        if span is not None:
            return ((index, Match("exact", 1.0, (span,))),)
    for index, (page, following) in enumerate(pairwise(ready)):
        parts = overleaf(quote, page, following)
        if parts is not None:
            return (index, parts[0]), (index + 1, parts[1])
    best: Place | None = None
    for index in _promising(quote, ready):
        match = find(quote, ready[index])
        if match is not None and (best is None or match.score > best[1].score):
            best = index, match
    return (best,) if best is not None else ()


def _promising(quote: str, pages: Sequence[PageText]) -> list[int]:
    """The pages that share most of the quote's words, rare words counting more."""
    wanted = {word for word, _, _ in words_of(quote)}
    present = [wanted & {word for word, _, _ in page.words} for page in pages]
    pages_with = Counter(word for found in present for word in found)
    weights = [sum(1 / pages_with[word] for word in found) for found in present]
    order = sorted(range(len(pages)), key=lambda index: (-weights[index], index))
    return [index for index in order[:RICHEST_PAGES] if weights[index] > 0]


# overleaf ------------------------------------------------------------------------------------------------------------


def overleaf(quote: str, page: PageText, following: PageText) -> tuple[Match, Match] | None:
    """The parts of a quote that begins on one page and goes on, letter for letter, on the next; None if it does not.

    Each part is long, or stands where the page ends or begins but for a foot or head line.
    """
    needle = bare(quote)
    if needle[:LEAST_CHARS] not in page.letters or needle[-LEAST_CHARS:] not in following.letters:
        return None
    head = _longest(len(needle), lambda size: needle[:size] in page.letters)
    tail = _longest(len(needle), lambda size: needle[len(needle) - size :] in following.letters)
    cut = _cut(quote, len(needle) - tail, head)
    if not LEAST_CHARS <= cut <= len(needle) - LEAST_CHARS:
        return None
    at, to = page.letters.rfind(needle[:cut]), following.letters.find(needle[cut:])
    below = len(page.letters) - at - cut
    if (below > MARGIN_CHARS and cut < SURE_CHARS) or (to > MARGIN_CHARS and len(needle) - cut < SURE_CHARS):
        return None
    first = page.canonical.span(at, at + cut)
    second = following.canonical.span(to, to + len(needle) - cut)
    return Match("exact", 1.0, (first,)), Match("exact", 1.0, (second,))


def _longest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest size that fits, when every smaller one does."""
    return bisect_right(range(1, most + 1), False, key=lambda size: not fits(size))


def _cut(quote: str, least: int, most: int) -> int:
    """The last place between `least` and `most` canonical characters where a word ends, or `most`; -1 if none."""
    if least > most:
        return -1
    ends = [len(bare(quote[:end])) for _, _, end in words_of(quote)]
    return max((end for end in ends if least <= end <= most), default=most)
