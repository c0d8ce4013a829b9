"""Citations in a terminal: markers that open their page, and the list of sources below the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hosts.cli.api import page_url
from hosts.cli.console import clean, one_line
from schemas.citation import Citation, Confidence
from schemas.event import Source

QUOTE_CHARS = 240
"""Longest quote in the list of sources, in characters."""

_MARKER = re.compile(r"\[(\d{1,3})\]")
_HELD_BACK = re.compile(r"\[\d{0,3}$")


def hyperlink(text: str, url: str) -> str:
    """`text` as a link. Source: the OSC 8 convention, `ESC ] 8 ; ; URL ST text ESC ] 8 ; ; ST`."""
    return f"\033]8;;{url}\033\\{text}\033]8;;\033\\"


@dataclass(frozen=True)
class Links:
    """Makes words into links to pages, or leaves them as they are when `base_url` is None."""

    base_url: str | None = None

    def to_page(self, text: str, doc_id: str, page: int, words: str | None = None) -> str:
        """`text`, linked to the picture of a page."""
        return hyperlink(text, page_url(self.base_url, doc_id, page, words)) if self.base_url else text


@dataclass
class MarkerText:
    """The text of an answer as it streams: cleaned, its markers linked; a marker cut in two is held back."""

    links: Links
    sources: Mapping[int, Source] = field(default_factory=dict)
    _held: str = ""

    def feed(self, piece: str) -> str:
        """What can be shown now."""
        text = self._held + clean(piece)
        cut = _HELD_BACK.search(text)
        self._held = cut[0] if cut else ""
        return self._linked(text[: cut.start()] if cut else text)

    def flush(self) -> str:
        """What was held back and turned out to be no marker."""
        held, self._held = self._held, ""
        return held

    def _linked(self, text: str) -> str:
        return _MARKER.sub(self._link, text)

    def _link(self, found: re.Match[str]) -> str:
        source = self.sources.get(int(found[1]))
        return found[0] if source is None else self.links.to_page(found[0], source.doc_id, source.page)


def shortened(quote: str, limit: int = QUOTE_CHARS) -> str:
    """A quote on one line; a longer one ends after a whole word, with an ellipsis."""
    line = one_line(quote)
    if len(line) <= limit:
        return line
    head = line[: limit - 1]
    return (head.rpartition(" ")[0] or head).rstrip(" ,;:") + "…"


def page_name(citation: Citation) -> str:
    """The page as people look for it: its place in the file, and its printed label where that differs."""
    label = citation.page_label
    printed = f" (printed {one_line(label)})" if label and label != str(citation.page) else ""
    return f"page {citation.page}{printed}"


def source_line(citation: Citation, links: Links) -> str:
    """`[0] manual.pdf, page 23: "words of the page"`."""
    marker = links.to_page(one_line(citation.marker), citation.doc_id, citation.page, one_line(citation.quote))
    doubt = "" if citation.verified else " (not verified)"
    return f'{marker} {one_line(citation.doc)}, {page_name(citation)}: "{shortened(citation.quote)}"{doubt}'


def source_lines(citations: Sequence[Citation], links: Links) -> list[str]:
    """One line for each passage that was cited, by marker; a passage cited for several sentences comes once."""
    seen: dict[tuple[int, str, int, str], Citation] = {}
    for citation in sorted(citations, key=lambda one: one.number):
        seen.setdefault((citation.number, citation.doc_id, citation.page, one_line(citation.quote)), citation)
    return [source_line(citation, links) for citation in seen.values()]


def confidence_line(confidence: Confidence) -> str:
    """`Confidence 93 % (retrieval 90 %, coverage 100 %, agreement 88 %)`."""
    parts = ("retrieval", "coverage", "agreement")
    basis = ", ".join(f"{part} {getattr(confidence, part):.0%}".replace("%", " %") for part in parts)
    return f"Confidence {confidence.score} % ({basis})"
