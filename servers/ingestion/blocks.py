"""Blocks of a text without pages of its own, and the pages that are made of them: by section, or by size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from runtime.sentences import sentences

Kind = Literal["text", "heading", "item", "table"]
Paging = Literal["exact", "by section", "by size"]

SHORT_SECTION = 800
"""A section below this many characters shares its page with the next one."""
LONG_PAGE = 4000
"""A page has at most this many characters."""


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, an item of a list, or a table whose rows are lines."""

    text: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Content:
    """What a file without a layout holds: its pages, how they came about, and what it says about itself."""

    pages: tuple[str, ...]
    paging: Paging
    title: str | None = None
    author: str | None = None
    date: str | None = None
    warnings: tuple[str, ...] = ()


def paged(blocks: Sequence[Block]) -> tuple[tuple[str, ...], Paging]:
    """Pages of at most `LONG_PAGE` characters; they begin at headings where there are any."""
    kept = [block for block in blocks if block.text.strip()]
    sections = list(_sections(kept))
    pages = tuple(page for section in sections for page in _pages(section))
    return pages, "by section" if any(block.kind == "heading" for block in kept) else "by size"


def _sections(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    """Runs of blocks that begin at headings, short ones joined with what follows them."""
    section: list[Block] = []
    for block in blocks:
        if block.kind == "heading" and _size(section) >= SHORT_SECTION and section[-1].kind != "heading":
            yield section
            section = []
        section.append(block)
    if section:
        yield section


def _size(blocks: Iterable[Block]) -> int:
    return sum(len(block.text) for block in blocks)


def _pages(section: Sequence[Block]) -> Iterator[str]:
    """The pages of a section: as many blocks on each as fit, a block that is too long in pieces."""
    page: list[Block] = []
    size = 0
    for block in (piece for whole in section for piece in _pieces(whole)):
        if page and size + len(block.text) > LONG_PAGE:
            carried = [page.pop()] if len(page) > 1 and page[-1].kind == "heading" else []
            yield joined(page)
            page, size = carried, _size(carried)
        page.append(block)
        size += len(block.text) + 2
    if page:
        yield joined(page)


def joined(blocks: Sequence[Block]) -> str:
    """The text of blocks, with a blank line between them but for the items of a list."""
    parts = [blocks[0].text] if blocks else []
    for before, block in pairwise(blocks):
        parts += ("\n" if before.kind == block.kind == "item" else "\n\n", block.text)
    return "".join(parts)


def _pieces(block: Block) -> Iterator[Block]:
    """The block, cut at sentence ends (or line ends of a table) when it is longer than a page."""
    if len(block.text) <= LONG_PAGE:
        yield block
        return
    spans = _lines(block.text) if block.kind == "table" else sentences(block.text)
    start = end = 0
    for begin, stop in (part for span in spans for part in _bits(*span)):
        if stop - start > LONG_PAGE and end > start:
            yield Block(block.text[start:end], block.kind)
            start = begin
        end = stop
    yield Block(block.text[start:end], block.kind)


def _lines(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in re.finditer(r"[^\n]+", text)]


def _bits(start: int, end: int) -> Iterator[tuple[int, int]]:
    """A span in stretches that fit on a page."""
    for begin in range(start, end, LONG_PAGE):
        yield begin, min(begin + LONG_PAGE, end)
