"""Read DOCX files: paragraphs, headings, lists and tables in the order of the document, as they stand after edits."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docx import Document as open_docx
from docx.oxml.ns import qn

from runtime.errors import UnreadableDocumentError
from servers.ingestion.blocks import Block, Content, Kind, paged

UNPACKED_BYTES = 512 * 1024 * 1024
"""Most bytes that the parts of a file may unpack to."""

_HEADING = re.compile(r"heading \d|title", re.IGNORECASE)
_WRAPPERS = frozenset(qn(tag) for tag in ("w:sdt", "w:sdtContent", "w:customXml", "w:ins", "w:moveTo", "w:smartTag"))
_PARAGRAPH, _TABLE, _BOX = qn("w:p"), qn("w:tbl"), qn("w:txbxContent")
_WRITTEN = (
    "(.//w:r/w:t | .//w:r/w:tab | .//w:r/w:br | .//w:r/w:cr | .//w:r/w:noBreakHyphen)"
    "[not(ancestor::w:moveFrom or ancestor::w:del or ancestor::*[local-name() = 'Fallback'])]"
)
_SIGNS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def read(path: Path) -> Content:
    """A DOCX file. Raises UnreadableDocumentError: damaged, password protected, or unpacking to too much."""
    _refuse_bombs(path)
    try:
        document = open_docx(str(path))
    except MemoryError:
        raise
    except Exception as error:  # python-docx lets errors of zipfile, lxml and its own through
        raise UnreadableDocumentError(
            f"the DOCX file is damaged or not one ({type(error).__name__}); save it again with a word processor"
        ) from error
    headings = _heading_styles(document)
    pages, paging = paged(list(_blocks(document.element.body, headings)))
    about = document.core_properties
    date = about.created or about.modified
    return Content(pages, paging, about.title or None, about.author or None, date.isoformat() if date else None)


def _refuse_bombs(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as package:
            unpacked = sum(part.file_size for part in package.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        raise UnreadableDocumentError(
            "the DOCX file is damaged or truncated: its parts cannot be listed; upload it again"
        ) from error
    if unpacked > UNPACKED_BYTES:
        raise UnreadableDocumentError(
            f"the DOCX file unpacks to {unpacked} bytes, the limit is {UNPACKED_BYTES}; split it"
        )


def _heading_styles(document: Any) -> frozenset[str]:
    """Ids of the styles whose paragraphs are headings: by name, or by their outline level."""
    found = set()
    for style in document.styles.element.iterchildren(qn("w:style")):
        name = style.find(qn("w:name"))
        named = name is not None and _HEADING.fullmatch(name.get(qn("w:val"), ""))
        if named or style.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}") is not None:
            found.add(style.get(qn("w:styleId")))
    return frozenset(found)


def _blocks(parent: Any, headings: frozenset[str]) -> Iterator[Block]:
    stack = [iter(parent)]
    while stack:
        element = next(stack[-1], None)
        if element is None:
            stack.pop()
        elif element.tag == _PARAGRAPH:
            yield Block(_text(element), _kind(element, headings))
            yield from (Block(_text(inner)) for box in element.iter(_BOX) for inner in box.iterchildren(_PARAGRAPH))
        elif element.tag == _TABLE:
            yield Block("\n".join(_rows(element)), "table")
        elif element.tag in _WRAPPERS:
            stack.append(iter(element))


def _kind(paragraph: Any, headings: frozenset[str]) -> Kind:
    facts = paragraph.find(qn("w:pPr"))
    if facts is None:
        return "text"
    style = facts.find(qn("w:pStyle"))
    if (style is not None and style.get(qn("w:val")) in headings) or facts.find(qn("w:outlineLvl")) is not None:
        return "heading"
    is_item = facts.find(qn("w:numPr")) is not None or (style is not None and "List" in style.get(qn("w:val"), ""))
    return "item" if is_item else "text"


def _text(element: Any) -> str:
    """The text below an element, without what was deleted or moved away, and without text boxes that float in it."""
    box = _nearest(element, _BOX)
    parts = (part for part in element.xpath(_WRITTEN) if _nearest(part, _BOX) is box)
    return "".join(_SIGNS.get(part.tag) or part.text or "" for part in parts).strip()


def _nearest(element: Any, tag: str) -> Any:
    return next(element.iterancestors(tag), None)


def _rows(table: Any) -> Iterator[str]:
    """Each row as a line, its cells between bars; a table inside a cell is read as part of it."""
    for row in table.iter(qn("w:tr")):
        if _nearest(row, _TABLE) is not table:
            continue
        cells = (cell for cell in row.iter(qn("w:tc")) if _nearest(cell, qn("w:tr")) is row)
        words = [" ".join(_text(cell).split()) for cell in cells]
        if any(words):
            yield " | ".join(words)
