"""Read plain text: paragraphs are separated by blank lines, form feeds begin pages."""

from __future__ import annotations

import re

from runtime.errors import UnreadableDocumentError
from runtime.filekinds import text_encoding
from servers.ingestion.blocks import Block, Content, paged

_BLANK_LINES = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


def decoded(data: bytes) -> tuple[str, tuple[str, ...]]:
    """The text of a file with line ends made alike, and a warning where its encoding had to be guessed.

    Raises: UnreadableDocumentError for bytes that are no text.
    """
    encoding = text_encoding(data)
    if encoding is None:
        raise UnreadableDocumentError("the file holds binary data and no text; give it the ending of what it is")
    text = data.decode(encoding, errors="replace")
    warnings = []
    if encoding in ("cp1252", "latin-1"):
        warnings.append("The text is neither UTF-8 nor UTF-16; it was read as Windows-1252 (Western European)")
    if "\ufffd" in text:
        warnings.append(f"{text.count(chr(0xFFFD))} characters could not be decoded")
    return text.replace("\r\n", "\n").replace("\r", "\n"), tuple(warnings)


def paragraphs(text: str) -> list[Block]:
    """What stands between blank lines."""
    return [Block(part) for part in _BLANK_LINES.split(text) if part.strip()]


def read(data: bytes) -> Content:
    """A text file."""
    text, warnings = decoded(data)
    if "\f" in text:
        return Content(tuple(text.removesuffix("\f").split("\f")), "exact", warnings=warnings)
    pages, paging = paged(paragraphs(text))
    return Content(pages, paging, warnings=warnings)
