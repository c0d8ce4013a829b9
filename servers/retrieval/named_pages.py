"""Find the pages that a question names by number: `on page 10`, `the last page`, `pages 3 to 5`, `Seite 3`, `第5页`."""

from __future__ import annotations

import re
from collections.abc import Iterator

LAST = -1
"""Stands for the last page of a document."""
LONGEST_RANGE = 10
"""Pages of a range that count."""

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_VALUES = {word: number for words in (_NUMBERS, _ORDINALS) for number, word in enumerate(words, 1)}
_VALUES |= {"last": LAST, "final": LAST}

_NUMBER = rf"(?:\d{{1,4}}|{'|'.join(_NUMBERS)})"
_BEHIND = re.compile(
    rf"\b(?:pages?|pg\.|pp?\.|seiten?|páginas?|pagin[ae]|pagina's)\s*(?:no\.?\s*|nr\.?\s*)?(?P<first>{_NUMBER})\b"
    r"(?:\s*(?:[-–]|to|through|bis|a|à|al?)\s*(?P<last>\d{1,4})\b|\s*(?:,|and|or|&|und|y|et|e|en)\s*(?P<other>\d{1,4})\b)?",
    re.IGNORECASE,
)
_BEFORE = re.compile(rf"\b(last|final|{'|'.join(_ORDINALS)}|\d{{1,4}}(?:st|nd|rd|th))\s+page\b", re.IGNORECASE)
_CHINESE = re.compile(r"第\s*(\d{1,4})\s*[页頁]")


def named_pages(question: str) -> tuple[int, ...]:
    """Numbers of the pages named, in order, each once; `LAST` for the last page."""
    return tuple(number for number in dict.fromkeys(_found(question)) if number)


def _found(question: str) -> Iterator[int]:
    for found in _BEHIND.finditer(question):
        first = _value(found["first"])
        last = int(found["last"] or first)
        yield from range(first, min(last, first + LONGEST_RANGE - 1) + 1)
        if found["other"]:
            yield int(found["other"])
    for found in _BEFORE.finditer(question):
        yield _value(found[1])
    for found in _CHINESE.finditer(question):
        yield int(found[1])


def _value(said: str) -> int:
    digits = re.match(r"\d+", said)
    return int(digits[0]) if digits else _VALUES[said.lower()]
