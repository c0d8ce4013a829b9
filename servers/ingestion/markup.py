"""Read HTML: what a reader would see, headings, lists and tables kept; scripts, styles and hidden parts dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bs4 import BeautifulSoup
from bs4.dammit import EncodingDetector
from bs4.element import NavigableString, PageElement, PreformattedString, Tag

from runtime.errors import UnreadableDocumentError
from runtime.filekinds import text_encoding
from servers.ingestion.blocks import Block, Content, Kind, paged


def _names(names: str) -> frozenset[str]:
    return frozenset(names.split())


DROPPED = _names(
    "script style noscript template svg math iframe object embed head nav button select canvas audio video"
)
HEADINGS = _names("h1 h2 h3 h4 h5 h6")
BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog div dl dt fieldset figcaption figure "
    "footer form header hgroup hr html li main menu ol p pre search section summary table tbody td tfoot th thead tr ul"
)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_SPACE = re.compile(r"\s+")


def read(data: bytes) -> Content:
    """An HTML file, decoded as its `meta` or else its bytes say. Raises UnreadableDocumentError for no text at all."""
    encoding = EncodingDetector.find_declared_encoding(data, is_html=True) or text_encoding(data)
    if encoding is None:
        raise UnreadableDocumentError("the file holds binary data and no HTML; give it the ending of what it is")
    soup = BeautifulSoup(data, "lxml", from_encoding=encoding)
    pages, paging = paged(blocks(soup))
    return Content(
        pages,
        paging,
        title=_SPACE.sub(" ", soup.title.get_text()).strip() if soup.title else None,
        author=_meta(soup, "author"),
        date=_meta(soup, "article:published_time", "date", "dcterms.created", "dc.date"),
        warnings=("Some characters could not be decoded",) if soup.contains_replacement_characters else (),
    )


def _meta(soup: BeautifulSoup, *names: str) -> str | None:
    for tag in soup.find_all("meta"):
        name = str(tag.get("name") or tag.get("property") or "").lower()
        content = str(tag.get("content") or "").strip()
        if name in names and content:
            return content
    return None


@dataclass
class _Writer:
    """Blocks in the order of the file; inline text gathers until a block begins or ends."""

    blocks: list[Block] = field(default_factory=list)
    _inline: list[str] = field(default_factory=list)

    def write(self, text: str) -> None:
        self._inline.append(text)

    def end(self, kind: Kind) -> None:
        lines = (_SPACE.sub(" ", line).strip() for line in "".join(self._inline).split("\v"))
        text = "\n".join(line for line in lines if line)
        if text:
            self.blocks.append(Block(text, kind))
        self._inline.clear()


def blocks(root: Tag) -> list[Block]:
    """The visible text below `root`. The tree is walked without recursion: files may nest as deep as they like."""
    writer = _Writer()
    kinds: list[Kind] = ["text"]
    stack: list[tuple[Tag, Iterator[PageElement]]] = [(root, iter(root.contents))]
    while stack:
        tag, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            if tag.name in BLOCKS:
                writer.end(kinds[-1])
            if tag.name == "li":
                kinds.pop()
        elif isinstance(child, NavigableString):
            if not isinstance(child, PreformattedString):  # comments, declarations and the like
                writer.write(child)
        elif isinstance(child, Tag) and not _is_dropped(child):
            _enter(child, writer, kinds, stack)
    writer.end(kinds[-1])
    return writer.blocks


def _enter(tag: Tag, writer: _Writer, kinds: list[Kind], stack: list[tuple[Tag, Iterator[PageElement]]]) -> None:
    if tag.name == "br":
        writer.write("\v")
        return
    if tag.name in BLOCKS or tag.name in HEADINGS:
        writer.end(kinds[-1])
    if tag.name in HEADINGS:
        writer.blocks.append(Block(_flat(tag), "heading"))
    elif tag.name == "table" and tag.find("table") is None:
        writer.blocks.append(Block("\n".join(_rows(tag)), "table"))
    elif tag.name == "pre":
        writer.blocks.append(Block(tag.get_text().strip("\n"), "text"))
    else:
        if tag.name == "li":
            kinds.append("item")
        stack.append((tag, iter(tag.contents)))


def _is_dropped(tag: Tag) -> bool:
    return (
        tag.name in DROPPED
        or tag.has_attr("hidden")
        or tag.get("aria-hidden") == "true"
        or bool(_HIDDEN.search(str(tag.get("style") or "")))
    )


def _flat(tag: Tag) -> str:
    """Visible text in one line."""
    return " ".join(block.text.replace("\n", " ") for block in blocks(tag))


def _rows(table: Tag) -> Iterator[str]:
    """Each row as a line, its cells between bars. Tables that only lay out others are walked like any other block."""
    caption = table.find("caption")
    if caption is not None:
        yield _flat(caption)
    for row in table.find_all("tr"):
        cells = [_flat(cell) for cell in row.find_all(["td", "th"])]
        if any(cells):
            yield " | ".join(cells)
