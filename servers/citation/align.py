"""Choose the words of a passage that a sentence of an answer rests on."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from servers.citation.canonical import bare
from servers.citation.figures import agree, figures
from servers.citation.locate import PageText, exact
from servers.citation.words import names, terms

Stretch = tuple[int, int]

QUOTE_CHARS = 600
"""Longest quote of two sentences; a longer sentence is quoted in part."""
LEAST_EXACT = 12
"""Canonical characters from which a sentence that stands in the passage word for word is its own quote."""
GAIN = 1.2
"""How much better two sentences must be than the better one of them alone."""
NUMBERS_WEIGHT = 1.0
RARE_WEIGHT = 0.5
"""What agreement in numbers and in names is worth, next to 1 for the best score by words."""


def quote(claim: str, text: str, passage: Stretch, sentences: Sequence[Stretch]) -> Stretch:
    """The stretch of `text`, within `passage`, that says most of what `claim` says.

    `sentences` are those of the whole text. A claim that stands in the passage word for word is its own quote; else it
    is one sentence, or two neighbouring ones where both are needed.
    """
    start, end = passage
    if len(bare(claim)) >= LEAST_EXACT:
        found = exact(claim, PageText(text[start:end]))
        if found is not None:
            return start + found[0], start + found[1]
    units = _units(text, passage, sentences)
    return _best(claim, text, units) if units else (start, end)


def _units(text: str, passage: Stretch, sentences: Sequence[Stretch]) -> list[Stretch]:
    """The sentences of the passage, cut to it, and very long ones cut into pieces."""
    start, end = passage
    units: list[Stretch] = []
    for first, last in sentences:
        low, high = max(first, start), min(last, end)
        while high - low > QUOTE_CHARS:
            space = text.rfind(" ", low + QUOTE_CHARS // 2, low + QUOTE_CHARS)
            stop = space if space > 0 else low + QUOTE_CHARS
            units.append((low, stop))
            low = stop + 1 if space > 0 else stop
        if low < high and text[low:high].strip():
            units.append((low, high))
    return units


def _best(claim: str, text: str, units: Sequence[Stretch]) -> Stretch:
    pairs = [(first[0], second[1]) for first, second in pairwise(units) if second[1] - first[0] <= QUOTE_CHARS]
    windows = [*units, *pairs]
    scores = _scores(claim, [text[start:end] for start, end in windows])
    single = max(range(len(units)), key=lambda index: scores[index])
    double = max(range(len(units), len(windows)), key=lambda index: scores[index], default=single)
    return windows[double if scores[double] > GAIN * scores[single] else single]


def _scores(claim: str, windows: Sequence[str]) -> list[float]:
    """Words by BM25+ (1 for the best window), plus shares of the claim's numbers and names that a window has.

    Source: Lv & Zhai, Lower-bounding term frequency normalization, CIKM 2011.
    """
    from rank_bm25 import BM25Plus

    wanted = terms(claim)
    there = [terms(window) for window in windows]
    if not any(there):
        return [0.0] * len(windows)
    shared = set(wanted)
    by_words = [
        float(score) if shared & set(found) else 0.0
        for score, found in zip(BM25Plus(there, delta=0.5).get_scores(wanted), there, strict=True)
    ]
    most = max(by_words) or 1.0
    return [
        score / most + NUMBERS_WEIGHT * _numbers_share(claim, window) + RARE_WEIGHT * _names_share(claim, found)
        for score, window, found in zip(by_words, windows, there, strict=True)
    ]


def _numbers_share(claim: str, window: str) -> float:
    claimed, stated = figures(claim), figures(window)
    return sum(any(agree(one, other) for other in stated) for one in claimed) / len(claimed) if claimed else 0.0


def _names_share(claim: str, found: Sequence[str]) -> float:
    named = names(claim)
    return sum(name in found for name in named) / len(named) if named else 0.0
