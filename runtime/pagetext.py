"""Turn the raw characters of a page into readable text, and remember which character came from where.

Offsets are runs (start in text, start in source, length), in order of both; a stretch of text inside a run stands
letter for letter in the source. No runs at all mean that text and source are the same.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

Run = tuple[int, int, int]
Offsets = tuple[Run, ...]

NOWHERE: Offsets = ((0, 0, 0),)
"""The offsets of a text that was not made of the page's own characters: nothing of it can be placed."""

DENSE_HYPHENS = 0.03
"""A page that breaks more than this share of its lines with (different) hyphens is hyphenated by its typesetter."""


@dataclass(frozen=True)
class _Step:
    """One kind of change: what matches `pattern` becomes what `change` gives."""

    pattern: re.Pattern[str]
    change: Callable[[re.Match[str]], str]


def normalise(raw: str) -> tuple[str, Offsets]:
    """Readable text of a page and the runs that lead back to `raw`.

    Words broken at a line end are joined, ligatures spelt out, line ends are a newline, spaces of every kind one plain
    space, blank lines at most one in a row; invisible and control characters are gone; the result is NFC.
    """
    text, runs = raw, _identity(raw)
    for step in (_hyphen_step(raw), *_STEPS):
        text, runs = _applied(step, text, runs)
    if not unicodedata.is_normalized("NFC", text):
        text, runs = _applied(_composition(), text, runs)
    same = len(text) == len(raw) and runs == _identity(raw)
    return text, () if same else tuple(runs)


def to_source(offsets: Sequence[Run], start: int, end: int) -> list[tuple[int, int]]:
    """Stretches (first character, count) of the source that `text[start:end]` came from.

    What was dropped between two characters of the text belongs to the stretch; a new one begins only where the source
    jumps back. Positions beyond the text are left out.
    """
    if start >= end:
        return []
    if not offsets:
        return [(start, end - start)]
    found: list[tuple[int, int]] = []
    first = max(0, bisect_right(offsets, start, key=lambda run: run[0]) - 1)
    for run_start, source, length in offsets[first:]:
        if run_start >= end:
            break
        low, high = max(start, run_start), min(end, run_start + length)
        if low < high:
            _extend(found, source + low - run_start, source + high - run_start)
    return found


def _extend(found: list[tuple[int, int]], start: int, end: int) -> None:
    if found and start >= found[-1][0]:
        first, count = found[-1]
        found[-1] = first, max(first + count, end) - first
    else:
        found.append((start, end - start))


# the steps -----------------------------------------------------------------------------------------------------------

_BROKEN_WORD = re.compile(r"(?<=\w)[\ufffe\x02](?=\w)")
_WORD = re.compile(r"\w+(?:-\w+)*")
_LEFT = re.compile(r"[\w-]*\w$")
_RIGHT = re.compile(r"\w[\w-]*")
_REACH = 40


def _hyphen_step(raw: str) -> _Step:
    """Decide for each word that PDFium saw broken at a line end whether its hyphen belongs to it."""
    breaks = [_halves(found) for found in _BROKEN_WORD.finditer(raw)]
    if not breaks:
        return _Step(_BROKEN_WORD, lambda found: found[0])
    words = set(_WORD.findall(raw.casefold()))
    dense = len(set(breaks)) > max(1, DENSE_HYPHENS * (raw.count("\n") + 1))
    return _Step(_BROKEN_WORD, lambda found: "-" if _keeps_hyphen(*_halves(found), words, dense) else "")


def _halves(found: re.Match[str]) -> tuple[str, str]:
    at = found.start()
    left = _LEFT.search(found.string[max(0, at - _REACH) : at])
    right = _RIGHT.match(found.string[at + 1 : at + 1 + _REACH])
    return (left[0] if left else ""), (right[0] if right else "")


def _keeps_hyphen(left: str, right: str, words: set[str], dense: bool) -> bool:
    """Whether `left-right` is a compound and not one word that the typesetter broke.

    The page's own other words decide first; then digits and an inner capital speak for a compound; then the habit of
    the page: a typesetter that breaks words breaks many, in other pages nearly every hyphen was typed.
    """
    if (left + right).casefold() in words:
        return False
    if f"{left}-{right}".casefold() in words:
        return True
    if left[-1:].isdigit() or right[:1].isdigit() or (right[:1].isupper() and not left[-1:].isupper()):
        return True
    return not dense


_LIGATURES = {
    "\ufb00": "ff",
    "\ufb01": "fi",
    "\ufb02": "fl",
    "\ufb03": "ffi",
    "\ufb04": "ffl",
    "\ufb05": "st",
    "\ufb06": "st",
}
_SYMBOLS = {
    "\uf0b7": "•",
    "\uf0a7": "•",
    "\uf0d8": "•",
    "\uf0fc": "✓",
    "\uf078": "☒",
    "\uf0fe": "☒",
    "\uf06f": "☐",
    "\uf0a8": "☐",
    "\ufffe": "-",
}
"""Signs of symbol fonts that files leave in the private use area, and the hyphen that ends a line."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff"
    "\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\uffff\U000e0000-\U000e007f\U000f0000-\U0010ffff]+"
)
_SPACE = r"[^\S\n]"


_STEPS = (  # spaces collapse before line ends are looked at: no pattern may scan a long run of spaces twice
    _Step(re.compile(r"\xad[^\S\r\n]*\r?\n[^\S\r\n]*(?=\w)"), lambda found: ""),
    _Step(re.compile("[\ufb00-\ufb06]"), lambda found: _LIGATURES[found[0]]),
    _Step(re.compile("[" + "".join(_SYMBOLS) + "]"), lambda found: _SYMBOLS[found[0]]),
    _Step(_INVISIBLE, lambda found: ""),
    _Step(re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]"), lambda found: "\n"),
    _Step(re.compile(rf"{_SPACE}{{2,}}|[^\S\n ]"), lambda found: " "),
    _Step(re.compile(r" \n ?|\n "), lambda found: "\n"),
    _Step(re.compile(r"\n{3,}"), lambda found: "\n\n"),
    _Step(re.compile(r"\A\s+|\s+\Z"), lambda found: ""),
)


@cache
def _composition() -> _Step:
    """NFC, one character with its marks at a time (marks and Hangul vowels may join what stands before them)."""
    marks = "".join(chr(code) for code in range(0x300, 0x1E950) if unicodedata.category(chr(code))[0] == "M")
    cluster = re.compile(rf"[^\n][{re.escape(marks)}\u1160-\u11ff]*")
    return _Step(cluster, lambda found: unicodedata.normalize("NFC", found[0]))


# runs ----------------------------------------------------------------------------------------------------------------


def _identity(text: str) -> list[Run]:
    return [(0, 0, len(text))] if text else []


def _applied(step: _Step, text: str, runs: list[Run]) -> tuple[str, list[Run]]:
    """The text after a step, and its runs when `runs` are those of the text before."""
    pieces: list[str] = []
    fresh: list[Run] = []
    done = size = 0
    for found in step.pattern.finditer(text):
        changed = step.change(found)
        if changed == found[0]:
            continue
        kept = text[done : found.start()]
        _append(fresh, size, done, len(kept))
        _append_changed(fresh, size + len(kept), found, len(changed))
        pieces += (kept, changed)
        size += len(kept) + len(changed)
        done = found.end()
    if not pieces:
        return text, runs
    _append(fresh, size, done, len(text) - done)
    return "".join([*pieces, text[done:]]), _composed(fresh, runs)


def _append_changed(runs: list[Run], at: int, found: re.Match[str], length: int) -> None:
    """Runs of a replacement: it stands for the last characters it replaces; a longer one shares them."""
    available = found.end() - found.start()
    if length <= available:
        _append(runs, at, found.end() - length, length)
        return
    for index in range(length):
        _append(runs, at + index, found.start() + min(index, available - 1), 1)


def _append(runs: list[Run], at: int, source: int, length: int) -> None:
    if length <= 0:
        return
    if runs:
        last_at, last_source, last_length = runs[-1]
        if last_at + last_length == at and last_source + last_length == source:
            runs[-1] = last_at, last_source, last_length + length
            return
    runs.append((at, source, length))


def _composed(outer: Sequence[Run], inner: Sequence[Run]) -> list[Run]:
    """Runs from the newest text to the oldest source, through the text between them."""
    composed: list[Run] = []
    first = 0
    for at, middle, length in outer:
        while first and inner[first][0] > middle:
            first -= 1
        while first + 1 < len(inner) and inner[first + 1][0] <= middle:
            first += 1
        index, end = first, middle + length
        while index < len(inner) and inner[index][0] < end:
            inner_at, source, inner_length = inner[index]
            low, high = max(middle, inner_at), min(end, inner_at + inner_length)
            _append(composed, at + low - middle, source + low - inner_at, high - low)
            index += 1
    return composed
