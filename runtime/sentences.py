"""Find the sentences of a text: of a page with wrapped lines, headings and tables, or of an answer with markers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

_CLOSERS = "\"'”’»)\\]」』）】"
_MARKERS = r"(?:[ ]?\[\d+(?:\s*,\s*\d+)*\])*"
_END = re.compile(
    rf"(?P<stop>[.!?…]+)(?P<close>[{_CLOSERS}]*(?:(?<=[a-z)][.!?])\d{{1,2}}(?=\s))?{_MARKERS})(?=\s|$)"
    rf"|(?P<full>[。！？｡؟۔।॥።]+)[{_CLOSERS}]*{_MARKERS}"
)
"""A possible end: a stop with what closes it, a note number or markers behind it, then a space. Full stops of scripts
without capitals end a sentence wherever they stand."""


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


_NEVER_LAST = _words(
    "mr mrs ms messrs dr prof rev hon gen gov sen rep capt lt col sgt fr hr st mt ft sra srta mme mlle "
    "fig figs eq eqs sec secs ch art vol pp par ref refs tab no nos nr núm cf vs viz resp approx ca incl excl bzw ggf "
    "vgl sog al"
)
"""Abbreviations that something always follows."""
_MAYBE_LAST = _words(
    "inc corp co ltd llc plc bros cos dept div est etc jr sr ave blvd rd bldg assn natl intl usw jan feb mar apr jun "
    "jul aug sep sept oct nov dec ed eds yr yrs min max avg"
)
"""Abbreviations that may end a sentence: the next word tells."""
_OPENERS = _words(
    "the this these those that a an in on at as for from to by with under during since after before until while when "
    "where if although though because however moreover furthermore additionally also but and or so yet thus therefore "
    "it its they their there he she his her we our you your i is are was were what who why how which each all some "
    "many most both no not see please such other der die das ein eine im in und el la los las un una en le les"
)
"""Words that open sentences and seldom follow an abbreviation inside one."""

_DOTTED = re.compile(r"(?:[^\W\d]\.)+[^\W\d]|[^\W\d_]")
"""`U.S`, `e.g`, `z.B`, and single initials."""
_LAST_WORD = re.compile(r"(?<![\w/–-])[^\W\d_](?:[^\W\d]|\.(?=[^\W\d]))*$")
_MARKED = re.compile(r"\[\d+(?:\s*,\s*\d+)*\]$")
"""A stop with a marker before it ends a sentence, whatever follows."""
_ITEM_AHEAD = re.compile(r"\s*\((?:\w|[ivx]{2,4}|\d\d)\)\s")
_NEXT_WORD = re.compile(r"\s*([^\w\s]*)(\w*)")
_ENUMERATOR = re.compile(
    r"(?:(?:item|note|section|chapter|part|article|step|exhibit|appendix)\s+)?\(?(?:\d+(?:\.\d+)*[a-z]?|[ivxlc]+|[a-z])\.",
    re.IGNORECASE,
)

_REACH = 24
"""Characters before a stop in which its word is looked for."""


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences, in order, without white space around them; together they hold all words.

    Headings, list items and table rows count as sentences. A line end ends one unless the line was wrapped there.
    Decimals, abbreviations, initials and enumerators do not; markers `[0]` stay with the sentence before them.
    """
    return [span for start, end in _blocks(text) for span in _cut(text, start, end)]


# stops inside a block ------------------------------------------------------------------------------------------------


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for found in _END.finditer(text, start, end):
        if found.end() < end and _ends(text, begin, found, end):
            yield begin, found.end()
            begin = _skip_space(text, found.end(), end)
    if begin < end:
        yield begin, end


def _skip_space(text: str, at: int, end: int) -> int:
    while at < end and text[at].isspace():
        at += 1
    return at


def _ends(text: str, begin: int, found: re.Match[str], end: int) -> bool:
    """Whether the sentence that began at `begin` ends with this stop."""
    if found["full"] or _MARKED.search(text, max(begin, found.start() - _REACH), found.start()):
        return True
    following = _NEXT_WORD.match(text, found.end(), end)
    mark, word = (following[1], following[2]) if following else ("", "")
    if not word and mark[:1] in {".", ",", ";", ":", ")", "%"}:
        return False
    if word[:1].islower() and _ITEM_AHEAD.match(text, found.end(), end) is None:
        return False
    if found["stop"] != ".":
        return True
    stop = found.start("stop")
    if _ENUMERATOR.fullmatch(text, begin, stop + 1):
        return False
    before = _LAST_WORD.search(text, max(begin, stop - _REACH), stop)
    return before is None or _may_end(before[0], word)


def _may_end(last: str, following: str) -> bool:
    """Whether a sentence may end with the word `last` and a full stop, when `following` comes next."""
    folded = last.casefold()
    if folded in _NEVER_LAST:
        return False
    if folded in _MAYBE_LAST or _DOTTED.fullmatch(last):
        return following.casefold() in _OPENERS
    return True


# lines ---------------------------------------------------------------------------------------------------------------

_ITEM = re.compile(
    r"\s*(?:[•●○◦▪■–—*+➢►✓☐☒-]\s|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]\s|\#{1,6}\s|\|"
    r"|(?:item|section|article|chapter|part|step|exhibit|appendix)\s[\divx]+[a-z]?[.:—–]\s)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"[(\[$€£¥]*-?\d[\d.,]*[%)\]]*|[—–-]|\$|%|N/?A", re.IGNORECASE)
_LAST_NUMBER = re.compile(rf"(?:{_NUMBER.pattern})(?<![.,])", re.IGNORECASE)
_WIDE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]")
_UNFINISHED = re.compile(
    r"(?:[,–—-]|(?<!\w)(?:of|the|a|an|and|or|to|in|for|by|with|from|on|at|as|its|our|their|that|which|is|are|was|were))$"
)
_CLOSED = re.compile(rf"(?:[.!?…:。！？｡؟۔।॥።][{_CLOSERS}]*|\[\d+(?:\s*,\s*\d+)*\])$")

FULL = 0.65
"""A line this long, measured by the page's long lines, may have been wrapped at its end."""
LONG_LINES = 3
"""So many lines of one length make a page of wrapped lines."""
SHORTEST = 25
"""Lines below this width are never taken for wrapped by their length."""


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Spans of lines that run on into each other, without white space around them."""
    lines = [(found.start(), found.end(), found[0]) for found in re.finditer(r"[^\s\n](?:[^\n]*[^\s\n])?", text)]
    full = _full_width([line for _, _, line in lines])
    begin: int | None = None
    for index, (start, end, line) in enumerate(lines):
        if begin is None:
            begin = start
        if index + 1 < len(lines):
            next_start, _, following = lines[index + 1]
            if text.count("\n", end, next_start) == 1 and _runs_on(line, following, full):
                continue
        yield begin, end
        begin = None


def _width(line: str) -> int:
    return len(line) if line.isascii() else len(line) + len(_WIDE.findall(line))


def _full_width(lines: list[str]) -> float:
    """Width from which a line counts as full; infinite when the lines do not look wrapped."""
    widths = sorted(_width(line) for line in lines if not _is_row(line))
    widths = widths[bisect_left(widths, SHORTEST) :]
    if len(widths) < LONG_LINES:
        return float("inf")
    usual = widths[len(widths) // 2]
    alike = len(widths) - bisect_left(widths, FULL * usual)
    return FULL * usual if alike >= LONG_LINES else float("inf")


def _runs_on(line: str, following: str, full: float) -> bool:
    """Whether the sentence that ends this line without a stop goes on in the next line."""
    if _ITEM.match(following) or line.startswith(("#", "|")):
        return False
    if _is_row(line) or _is_row(following):
        return False
    if _CLOSED.search(line):
        return _abbreviated(line, following)
    if following[0].islower() or _UNFINISHED.search(line):
        return True
    return _width(line) >= full and not line.endswith(";")


def _abbreviated(line: str, following: str) -> bool:
    """Whether the line ends in an abbreviation, not in a full stop."""
    last = _LAST_WORD.search(line, max(0, len(line) - _REACH), len(line) - 1) if line.endswith(".") else None
    return last is not None and (last[0].casefold() in _NEVER_LAST or following[0].islower())


def _is_row(line: str) -> bool:
    """Whether the line is a row of a table: it ends in numbers that make up a good part of it."""
    words = line.split()
    numbers = sum(1 for word in words if _NUMBER.fullmatch(word))
    return numbers >= 2 and numbers * 3 >= len(words) and bool(_LAST_NUMBER.fullmatch(words[-1]))
