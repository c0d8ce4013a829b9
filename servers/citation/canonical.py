"""Reduce a text to the characters that any two copies of it share, and lead back from them.

Extractors and writers differ in spaces, quotes, dashes, hyphenation and ligatures, not in letters and digits.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

KEPT_SIGNS = "%$€£¥+<>="
"""Signs that change what a number says."""


@dataclass(frozen=True)
class Canonical:
    """`text[i]` came from the character `places[i]` of the original."""

    text: str
    places: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch (start, end) of the original that `text[start:end]` came from; `start < end`."""
        return self.places[start], self.places[end - 1] + 1


def canonical(text: str) -> Canonical:
    """Letters and digits of `text`, folded (NFKD, case, no accents), with the signs of numbers."""
    folded = [_FOLDS[ord(char)] for char in text]
    return Canonical("".join(folded), tuple(place for place, fold in enumerate(folded) for _ in fold))


def bare(text: str) -> str:
    """The canonical characters alone."""
    return text.translate(_FOLDS)


class _Folds(dict[int, str]):
    """What each character is folded to, filled as characters are met; there are not many different ones."""

    def __missing__(self, code: int) -> str:
        decomposed = unicodedata.normalize("NFKD", chr(code)).casefold()
        fold = "".join(part for part in decomposed if part.isalnum() or part in KEPT_SIGNS)
        self[code] = fold
        return fold


_FOLDS = _Folds()
