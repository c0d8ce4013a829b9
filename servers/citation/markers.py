"""Find the markers `[0]` of an answer and the sentences that carry them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runtime.sentences import sentences

MOST_IN_RANGE = 20
"""Numbers that a range such as `[0-3]` may stand for."""

_BRACKETS = re.compile(r"\[\s*\d+(?:\s*[-–,;]\s*\d+)*\s*\](?!\()")
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")
_NUMBER = re.compile(r"\d+")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Mark:
    """One number of a marker, which is `literal` in the answer: `[1, 2]` gives two marks."""

    literal: str
    number: int


@dataclass(frozen=True)
class Claim:
    """A sentence of the answer, where it stands there, and its marks."""

    start: int
    end: int
    sentence: str
    marks: tuple[Mark, ...]

    @property
    def text(self) -> str:
        """The sentence without its markers."""
        return re.sub(rf"\s*{_BRACKETS.pattern}", "", self.sentence).strip()


@dataclass(frozen=True)
class Marked:
    """The sentences of an answer, and the markers that name no chunk."""

    claims: tuple[Claim, ...]
    unknown: tuple[str, ...]


def parse(answer: str, chunks: int) -> Marked:
    """Sentences with the markers that name one of `chunks` chunks (numbered from 0), each number once a sentence.

    A marker that stands alone belongs to the sentence before it. Bracketed numbers beyond the chunks, such as a year,
    are unknown markers; a bracketed number that begins a link is none at all.
    """
    unknown: list[str] = []
    claims: list[Claim] = []
    for start, end in sentences(answer):
        sentence = answer[start:end]
        marks = _marks(sentence, chunks, unknown)
        if claims and not _WORD.search(_BRACKETS.sub("", sentence)):
            before = claims[-1]
            claims[-1] = Claim(before.start, end, answer[before.start : end], _once((*before.marks, *marks)))
        else:
            claims.append(Claim(start, end, sentence, _once(marks)))
    return Marked(tuple(claims), tuple(dict.fromkeys(unknown)))


def _marks(sentence: str, chunks: int, unknown: list[str]) -> tuple[Mark, ...]:
    found: list[Mark] = []
    for bracket in _BRACKETS.finditer(sentence):
        numbers = _numbers(bracket[0])
        known = [number for number in numbers if number < chunks]
        if len(known) < len(numbers):
            unknown.append(bracket[0])
        found += [Mark(bracket[0], number) for number in known]
    return tuple(found)


def _numbers(literal: str) -> list[int]:
    """The numbers of a bracket, ranges spelt out; a range that is none (`[2019-2021]`, `[3-1]`) gives its two ends."""
    found: list[int] = []
    for part in re.split("[,;]", literal.strip("[] ")):
        span = _RANGE.fullmatch(part.strip())
        low, high = (int(span[1]), int(span[2])) if span else (0, -1)
        if low <= high < low + MOST_IN_RANGE:
            found += range(low, high + 1)
        else:
            found += [int(number) for number in _NUMBER.findall(part)]
    return found


def _once(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    return tuple({mark.number: mark for mark in reversed(marks)}.values())[::-1]
