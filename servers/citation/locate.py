"""Find where a quote stands on a page: letter for letter, else with slips, omissions and ellipses."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from servers.citation.canonical import Canonical, bare, canonical

Kind = Literal["exact", "fuzzy"]

LEAST_SCORE = 0.75
"""Similarity (0..1, of canonical characters) below which a passage is not the quote."""
LEAST_CHARS = 12
"""Canonical characters from which a quote, or a part of one, is looked for with slips."""
_SLACK = 1.6
"""How much longer than the quote the passage may be: words may have been left out of the quote."""
_LONELY = 6
"""Words between a matched word and the next beyond which it does not belong to the passage."""
_STEPS = (-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)
"""By how many words an end of a passage is moved to see whether it fits better."""
_ELLIPSIS = re.compile(r"\s*(?:\[\s*)?(?:…|\.\s?\.\s?\.)(?:\s*\])?\s*")
_NUMBER = re.compile(r"\d[\d.,]*")
_LONG_NUMBER = re.compile(r"\d[.,]\d")
_WORD = re.compile(r"\w+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Match:
    """Stretches (start, end) of the page's text that are the quote; several when it has an ellipsis."""

    kind: Kind
    score: float
    spans: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """Where the first stretch begins."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Where the last stretch ends."""
        return self.spans[-1][1]


class PageText:
    """A page's text made ready for many searches."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def letters(self) -> str:
        """The canonical text alone, which is quicker to make than its way back."""
        return bare(self.text)

    @cached_property
    def canonical(self) -> Canonical:
        """The canonical text and its way back."""
        return canonical(self.text)

    @cached_property
    def words(self) -> list[tuple[str, int, int]]:
        """Canonical words with their stretch (start, end) of the text."""
        return list(words_of(self.text))


def words_of(text: str) -> Iterator[tuple[str, int, int]]:
    """Canonical words with their stretch (start, end) of the text."""
    for found in _WORD.finditer(text):
        word = bare(found[0])
        if word:
            yield word, found.start(), found.end()


def exact(quote: str, page: PageText, near: int = 0) -> tuple[int, int] | None:
    """The stretch of the page with the quote's letters and digits; of several the one that begins nearest `near`.

    A short quote stands there in whole words and numbers or not at all: 310 is not found in 3,310.
    """
    needle = bare(quote)
    if not needle:
        return None
    found: list[tuple[int, int]] = []
    at = page.letters.find(needle)
    while at >= 0:
        found.append(page.canonical.span(at, at + len(needle)))
        at = page.letters.find(needle, at + 1)
    whole = [span for span in found if _on_word_borders(page.text, *span)]
    fit = whole or (found if len(needle) >= LEAST_CHARS else [])
    return _with_edges(quote, page.text, *min(fit, key=lambda span: abs(span[0] - near))) if fit else None


def _with_edges(quote: str, text: str, start: int, end: int) -> tuple[int, int]:
    """With the marks at either end of the quote, a full stop say, that the page has there too."""
    bounds = [index for index, char in enumerate(quote) if bare(char)]
    for char in reversed(quote[: bounds[0]]):
        if start == 0 or text[start - 1] != char or char.isspace():
            break
        start -= 1
    for char in quote[bounds[-1] + 1 :]:
        if end == len(text) or text[end] != char or char.isspace():
            break
        end += 1
    return start, end


def _on_word_borders(text: str, start: int, end: int) -> bool:
    return not _is_inside(text, start) and not _is_inside(text, end)


def _is_inside(text: str, at: int) -> bool:
    """Whether a word or a number goes on across the position."""
    around = text[at - 1 : at + 1] if at else ""
    if len(around) == 2 and around.isalnum():
        return True
    return any(_LONG_NUMBER.fullmatch(text, at - low, at + high) for low, high in ((1, 2), (2, 1)) if at >= low)


def find(quote: str, page: PageText, near: int = 0) -> Match | None:
    """Where the quote stands on the page, or None. An ellipsis in the quote stands for left out words."""
    span = exact(quote, page, near)
    if span is not None:
        return Match("exact", 1.0, (span,))
    parts = [part for part in _ELLIPSIS.split(quote) if len(bare(part)) >= LEAST_CHARS]
    if len(parts) > 1:
        return _find_parts(parts, page)
    return _fuzzy(parts[0] if parts else quote, page)


def _find_parts(parts: Sequence[str], page: PageText) -> Match | None:
    """All parts in their order: first the longest, then the others as near to it as they stand."""
    middle = max(range(len(parts)), key=lambda index: len(parts[index]))
    anchor = _find_between(parts[middle], page, 0, len(page.text), 0)
    if anchor is None:
        return None
    found = [anchor]
    for part in reversed(parts[:middle]):
        match = _find_between(part, page, 0, found[0].start, found[0].start)
        if match is None:
            return None
        found.insert(0, match)
    for part in parts[middle + 1 :]:
        match = _find_between(part, page, found[-1].end, len(page.text), 0)
        if match is None:
            return None
        found.append(match)
    worst = min(match.score for match in found)
    kind: Kind = "exact" if all(match.kind == "exact" for match in found) else "fuzzy"
    return Match(kind, worst, tuple(span for match in found for span in match.spans))


def _find_between(part: str, page: PageText, start: int, end: int, near: int) -> Match | None:
    rest = PageText(page.text[start:end])
    span = exact(part, rest, near)
    match = Match("exact", 1.0, (span,)) if span is not None else _fuzzy(part, rest)
    return match and Match(match.kind, match.score, tuple((a + start, b + start) for a, b in match.spans))


# with slips ----------------------------------------------------------------------------------------------------------


def _fuzzy(quote: str, page: PageText) -> Match | None:
    """The most similar passage, found by its characters and by its words; it has all numbers of the quote.

    The same sentence with other figures, a year later say, is another sentence.
    """
    needle = bare(quote)
    if len(needle) < LEAST_CHARS or not page.words:
        return None
    spans = [span for span in (_by_characters(needle, page), _by_words(quote, page)) if span is not None]
    fitted = [_fitted(needle, page, span) for span in spans]
    wanted = _numbers(quote)
    sound = [found for found in fitted if wanted <= _numbers(page.text[slice(*found[1])])]
    score, span = max(sound, default=(0.0, (0, 0)))
    if score < LEAST_SCORE:
        return None
    return Match("fuzzy", round(score, 4), (_with_edges(quote, page.text, *span),))


def _numbers(text: str) -> set[str]:
    """The numbers in a text, without their points and commas."""
    return {"".join(char for char in number if char.isdigit()) for number in _NUMBER.findall(text)}


def _fitted(needle: str, page: PageText, span: tuple[int, int]) -> tuple[float, tuple[int, int]]:
    """The stretch with its ends moved, a few words at most at a time, to where it is most like the quote."""
    starts, ends = [word[1] for word in page.words], [word[2] for word in page.words]
    first, last = bisect_right(starts, span[0]) - 1, bisect_left(ends, span[1])
    first, last = max(0, first), min(last, len(ends) - 1)
    best = _similarity(needle, page, (starts[first], ends[last])), first, last
    while True:
        _, first, last = best
        moved = [(first + step, last) for step in _STEPS] + [(first, last + step) for step in _STEPS]
        tried = [
            (_similarity(needle, page, (starts[low], ends[high])), low, high)
            for low, high in moved
            if 0 <= low <= high < len(ends)
        ]
        nearer = max(tried, default=best)
        if nearer[0] <= best[0]:
            return best[0], (starts[best[1]], ends[best[2]])
        best = nearer


def _similarity(needle: str, page: PageText, span: tuple[int, int]) -> float:
    from rapidfuzz import fuzz

    return fuzz.ratio(needle, bare(page.text[span[0] : span[1]])) / 100


def _by_characters(needle: str, page: PageText) -> tuple[int, int] | None:
    """The stretch of the quote's length that is most like it: right for slips of letters, short for omissions."""
    from rapidfuzz import fuzz

    if len(needle) > len(page.letters):
        return None
    found = fuzz.partial_ratio_alignment(needle, page.letters, score_cutoff=60)
    if found is None or found.dest_end <= found.dest_start:
        return None
    return _to_words(page, *page.canonical.span(found.dest_start, found.dest_end))


def _to_words(page: PageText, start: int, end: int) -> tuple[int, int]:
    """Grow to whole words when more than half of the word at the edge is inside; shrink otherwise."""
    inside = [word for word in page.words if word[1] < end and word[2] > start]
    whole = [(a, b) for _, a, b in inside if 2 * (min(b, end) - max(a, start)) >= b - a]
    return (whole[0][0], whole[-1][1]) if whole else (start, end)


def _by_words(quote: str, page: PageText) -> tuple[int, int] | None:
    """The stretch that holds most of the quote's words in their order: right for omissions."""
    from rapidfuzz.distance import LCSseq

    wanted = [word for word, _, _ in words_of(quote)]
    region = _richest(wanted, page)
    if region is None:
        return None
    low, high = region
    there = [word for word, _, _ in page.words[low:high]]
    matched = [
        index
        for block in LCSseq.opcodes(wanted, there)
        if block.tag == "equal"
        for index in range(block.dest_start, block.dest_end)
    ]
    kept = _without_strays(matched, len(wanted))
    if not kept:
        return None
    return page.words[low + kept[0]][1], page.words[low + kept[-1]][2]


def _richest(wanted: Sequence[str], page: PageText) -> tuple[int, int] | None:
    """The window of words (first, last + 1) that holds most of what is wanted, rare words counting more."""
    words = [word for word, _, _ in page.words]
    counts = Counter(words)
    need = Counter(wanted)
    size = min(len(words), max(len(wanted) + 2, int(len(wanted) * _SLACK)))
    have: Counter[str] = Counter()
    weight = best = 0.0
    best_end = 0
    for index, word in enumerate(words):
        if word in need:
            have[word] += 1
            weight += (have[word] <= need[word]) / counts[word]
        gone = index - size
        if gone >= 0 and words[gone] in need:
            weight -= (have[words[gone]] <= need[words[gone]]) / counts[words[gone]]
            have[words[gone]] -= 1
        if weight > best + 1e-9:
            best, best_end = weight, index + 1
    if best <= 0:
        return None
    margin = len(wanted) // 4 + 2
    return max(0, best_end - size - margin), min(len(words), best_end + margin)


def _without_strays(matched: Sequence[int], wanted: int) -> list[int]:
    """Matched positions less those at either end that stand far from the others."""
    lonely = max(_LONELY, wanted // 4)
    kept = list(matched)
    while len(kept) > 2 and kept[1] - kept[0] > lonely:
        kept.pop(0)
    while len(kept) > 2 and kept[-1] - kept[-2] > lonely:
        kept.pop()
    return kept
