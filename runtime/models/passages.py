"""Cut chunks into passages that can be quoted on their own.

These are sentences, list items with what introduces them, and table rows with their heading and column titles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runtime.models import markers
from runtime.sentences import sentences
from schemas.chunk import Chunk

Kind = Literal["sentence", "fragment", "item", "row", "heading"]

MOST_WORDS = 90
"""Longest passage; a longer one is cut behind a comma or a space."""
LEAD_WORDS = 24
"""Longest introduction, heading or column titles put before a passage."""
FEW_WORDS = 3
"""Words of which a sentence has more."""
HEADING_WORDS = 14
"""Words of which a heading has no more."""
HEADING_LINES = 4
"""Lines of a heading or cover that are one passage."""
LIST_WORDS = 60
"""Lists up to this length are one passage, longer ones one passage an item."""

_BULLET = re.compile(r"^(?:[•●○◦▪■*➢►✓☐☒\x99\uf0b7-]|\(?(?:\d{1,2}|[a-z])[.)])\s+", re.IGNORECASE)
_STOPPED = re.compile(r"[.!?…。！？।][\"'”’»)\]」』]*$")
_NUMBER = re.compile(r"[(\[$€£¥+−-]*\d[\d.,:]*[%)\]]*|[—–-]|[$€£¥%]|N/?A", re.IGNORECASE)
_PERIOD = re.compile(
    r"(?:19|20)\d\d|q[1-4]|fy\d*|h[12]|jan\w*|feb\w*|mar\w*|apr\w*|may|june?|july?|aug\w*|sep\w*|oct\w*|nov\w*|dec\w*"
    r"|(?:three|six|nine|twelve)|months?|quarters?|years?|weeks?|ended|ending|fiscal|as|of|at|and|for|the|\d{1,2}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_LEADERS = re.compile(r"\.{4,}|(?: \.){4,}|…{2,}")
_NEVER_FIRST = frozenset(",.;:)]%")
_GAP = re.compile(r"\s+(?=[,.;:!?](?:\s|$))")
_FURNITURE = re.compile(r"(?:table of )?contents|index|continued|(?:page )?\d+(?: of \d+)?", re.IGNORECASE)
_OPENING = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Passage:
    """Something that can be quoted. `lead` (may be empty) introduces it in the chunk, `text` is its own words."""

    chunk: int
    order: int
    kind: Kind
    text: str
    lead: str = ""

    @property
    def full(self) -> str:
        """Lead and text as they are shown: both verbatim, but for white space, bullets and bracketed numbers."""
        return f"{self.lead}: {self.text}" if self.lead else self.text


def cut(chunks: Sequence[Chunk]) -> list[Passage]:
    """The passages of all chunks in reading order; one that stands in several chunks comes from the first of them."""
    found = [passage for number, chunk in enumerate(chunks) for passage in _passages(number, chunk)]
    return _distinct(found)


def _passages(number: int, chunk: Chunk) -> Iterator[Passage]:
    pieces = [chunk.content[start:end] for start, end in sentences(chunk.content)]
    kinds = [_kind(piece) for piece in pieces]
    _mark_cuts(chunk, pieces, kinds)
    at, heading, titles = 0, "", ""
    while at < len(pieces):
        text, kind = tidy(pieces[at]), kinds[at]
        passage = Passage(number, at, kind, text)
        if text.endswith(":") and kinds[at + 1 : at + 2] == ["item"]:
            items = _run(kinds, at + 1)
            yield from _listed(passage, [tidy(piece) for piece in pieces[at + 1 : at + 1 + items]])
            at += 1 + items
            continue
        if _is_titles(text):
            titles = text.rstrip(":, ")
        elif kind == "heading":
            run = min(_run(kinds, at), HEADING_LINES)
            heading, titles = tidy(pieces[at + run - 1]).rstrip(":, "), ""
            yield replace(passage, text=" – ".join(tidy(piece) for piece in pieces[at : at + run]))
            at += run
            continue
        elif text.endswith(":"):
            heading, titles = text.rstrip(":, "), ""
            yield replace(passage, kind="heading", text=heading)
        elif kind == "row":
            yield replace(passage, lead=_short(", ".join(filter(None, (heading, titles)))))
        else:
            yield passage
        at += 1


def _mark_cuts(chunk: Chunk, pieces: Sequence[str], kinds: list[Kind]) -> None:
    """Call a first or last piece a fragment where the edge of the chunk seems to run through a sentence."""
    if not pieces:
        return
    if kinds[0] == "sentence" and chunk.start > 0 and _begins_inside(pieces[0]):
        kinds[0] = "fragment"
    if kinds[-1] == "heading" and kinds[-2:-1] != ["heading"] and len(kinds) > 1:
        kinds[-1] = "fragment"


def _listed(intro: Passage, items: Sequence[str]) -> Iterator[Passage]:
    lead = intro.text.rstrip(":, ")
    if _words(lead) + sum(map(_words, items)) <= LIST_WORDS:
        yield replace(intro, kind="item", text="; ".join(item.rstrip(" ;.,") for item in items), lead=lead)
        return
    for nth, item in enumerate(items, start=1):
        yield Passage(intro.chunk, intro.order + nth, "item", item, _short(lead))


def _run(kinds: Sequence[Kind], at: int) -> int:
    """How many pieces from `at` on are of one kind."""
    end = at
    while end < len(kinds) and kinds[end] == kinds[at]:
        end += 1
    return end - at


def tidy(piece: str) -> str:
    """A piece of a page on one line, without its bullet, with nothing in it that reads as a marker."""
    text = _GAP.sub("", " ".join(_LEADERS.sub(" … ", _BULLET.sub("", piece.strip())).split()))
    text = markers.neutral(text).lstrip("".join(_NEVER_FIRST) + " ")
    if _words(text) <= MOST_WORDS:
        return text
    kept = " ".join(text.split()[:MOST_WORDS])
    cut_at = kept.rfind(",", len(kept) // 2)
    return f"{kept[:cut_at] if cut_at > 0 else kept} …"


def _short(lead: str) -> str:
    return lead if _words(lead) <= LEAD_WORDS else ""


def _words(text: str) -> int:
    return len(text.split())


def _kind(piece: str) -> Kind:
    text = piece.strip()
    if _LEADERS.search(text):  # a line of a table of contents
        return "heading"
    if _BULLET.match(text):
        return "item"
    if _is_row(text):
        return "row"
    if _STOPPED.search(text) or text.endswith(":"):
        return "sentence" if _words(text) > FEW_WORDS or not text.isascii() else "heading"
    if text.endswith(";") or _words(text) > HEADING_WORDS:
        return "fragment"
    return "heading" if _OPENING.search(text) and not _FURNITURE.fullmatch(text) else "fragment"


def _is_row(text: str) -> bool:
    """Whether a line is a label with figures behind it: a short one before one figure, a longer one before several."""
    tokens = text.split()
    figures = 0
    while figures < len(tokens) and _NUMBER.fullmatch(tokens[-1 - figures]):
        figures += 1
    label = len(tokens) - figures
    if not figures or not _OPENING.search(text) or (_STOPPED.search(text) and figures < 2):
        return False
    return label <= (8 if figures == 1 else 20)


def _is_titles(text: str) -> bool:
    """Whether a line holds the titles of columns: periods, and hardly another word."""
    found = _WORD.findall(text)
    return bool(found) and len(found) <= 24 and sum(1 for word in found if _PERIOD.fullmatch(word)) >= 0.8 * len(found)


def _begins_inside(piece: str) -> bool:
    if piece.lstrip()[:1] in _NEVER_FIRST:
        return True
    first = _WORD.search(piece)
    return first is not None and (first[0][0].islower() or first[0][0].isdigit())


def _distinct(found: Sequence[Passage]) -> list[Passage]:
    """Without repetitions: neighbouring chunks overlap, and a cut sentence stands whole in the other one."""
    whole: dict[str, Passage] = {}
    for passage in found:
        key = " ".join(_WORD.findall(passage.text.casefold()))
        if key:
            whole.setdefault(f"{passage.lead.casefold()}|{key}" if passage.kind == "row" else key, passage)
    return list(whole.values())
