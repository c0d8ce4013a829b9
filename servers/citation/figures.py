"""Numbers as they are written in texts, and whether two of them say the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SCALES = {
    "thousand": 1e3,
    "k": 1e3,
    "million": 1e6,
    "millions": 1e6,
    "mn": 1e6,
    "mm": 1e6,
    "m": 1e6,
    "billion": 1e9,
    "billions": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
}
_PERCENT = {"%", "percent", "per cent", "prozent", "percentage points"}
_WORDS = dict(
    zip("one two three four five six seven eight nine ten eleven twelve".split(), range(1, 13), strict=True)  # noqa: SIM905
)
_FIGURE = re.compile(
    r"(?<![\w.,])(?:(?P<currency>[$€£¥])\s?)?[-–−(]?(?P<digits>\d+(?:[.,]\d+)*)"
    r"(?:\s?(?P<unit>%|percentage points|per ?cent|prozent"
    r"|thousand|millions?|mn|mm|billions?|bn|trillion|[kmb])(?!\w))?",
    re.IGNORECASE,
)
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_YEARS = range(1800, 2100)


@dataclass(frozen=True)
class Figure:
    """A number of a text. `grain` is the worth of one unit of its last digit; `is_scaled` when a word scales it.

    `unit` is `%`, a currency sign, `year`, or empty.
    """

    literal: str
    value: float
    grain: float
    unit: str = ""
    is_scaled: bool = False


def figures(text: str) -> list[Figure]:
    """The numbers of a text, in order: digits with their unit and scale, and the words one to twelve."""
    found = [(match.start(), _figure(match)) for match in _FIGURE.finditer(text)]
    found += [
        (match.start(), Figure(match[0], float(_WORDS[match[0].casefold()]), 1.0))
        for match in _NUMBER_WORD.finditer(text)
    ]
    return [figure for _, figure in sorted(found, key=lambda item: item[0])]


def _figure(match: re.Match[str]) -> Figure:
    digits = match["digits"]
    number, decimals = _parsed(digits)
    word = (match["unit"] or "").casefold()
    scale = _SCALES.get(word, 1.0)
    unit = "%" if word in _PERCENT else match["currency"] or ""
    if not unit and scale == 1 and digits.isdigit() and len(digits) == 4 and int(digits) in _YEARS:
        unit = "year"
    return Figure(match[0].strip("-–−( "), number * scale, 10.0**-decimals * scale, unit, scale != 1)


def _parsed(digits: str) -> tuple[float, int]:
    """Value and decimals; of two kinds of separators the last is the decimal one, groups have three digits."""
    marks = [char for char in digits if not char.isdigit()]
    if not marks:
        return float(digits), 0
    last = max(digits.rfind(","), digits.rfind("."))
    is_grouping = marks.count(marks[-1]) > 1 or (
        len(set(marks)) == 1 and digits[last] == "," and len(digits) - last - 1 == 3
    )
    if is_grouping:
        return float(re.sub("[.,]", "", digits)), 0
    whole, fraction = re.sub("[.,]", "", digits[:last]), digits[last + 1 :]
    return float(f"{whole}.{fraction}"), len(fraction)


def agree(claimed: Figure, stated: Figure) -> bool:
    """Whether `claimed` is what `stated` says, rounded to the digits it shows.

    Tables leave out the scale (`in millions`), so a scaled number may meet a bare one a thousandfold smaller.
    """
    if not _units_agree(claimed, stated):
        return False
    slack = claimed.grain / 2 * (1 + 1e-9)
    return any(abs(stated.value * factor - claimed.value) <= slack for factor in _factors(claimed, stated))


def _factors(claimed: Figure, stated: Figure) -> tuple[float, ...]:
    if claimed.is_scaled and not stated.is_scaled and stated.unit != "%":
        return (1.0, 1e3, 1e6, 1e9)
    if stated.is_scaled and not claimed.is_scaled and claimed.value >= 1000:
        return (1.0, 1e-3, 1e-6, 1e-9)
    return (1.0,)


def _units_agree(claimed: Figure, stated: Figure) -> bool:
    """Equal units agree, and a bare number with any: tables name the unit once, in a heading."""
    units = {claimed.unit, stated.unit} - {""}
    return len(units) <= 1


_ENUMERATOR = re.compile(r"^\s*\(?\d{1,2}[.)]\s")


def missing(claim: str, references: Sequence[str]) -> list[tuple[Figure, str]]:
    """Numbers of the claim that no reference bears out, each with the reason: `number`, `year` or `unit`."""
    stated = [figure for reference in references for figure in figures(reference)]
    found: list[tuple[Figure, str]] = []
    for figure in figures(_ENUMERATOR.sub("", claim)):
        if not figure.literal[0].isalpha() and not any(agree(figure, other) for other in stated):
            same_value = any(abs(other.value - figure.value) <= figure.grain / 2 for other in stated)
            reason = "year" if figure.unit == "year" else "unit" if same_value else "number"
            found.append((figure, reason))
    return found
