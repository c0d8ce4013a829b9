"""Read one untrusted file after another in a child process: its pages in groups, then what it tells of itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime import filekinds
from runtime.compute.contract import Frame
from runtime.compute.worker import serve
from runtime.errors import AgentRAGError, UnreadableDocumentError, UnsupportedMediaError
from runtime.pagetext import NOWHERE, normalise
from servers.ingestion import language

if TYPE_CHECKING:
    from runtime.pdfium import PdfFile
    from servers.ingestion.blocks import Content
    from servers.ingestion.recognition import Recognition

GROUP_PAGES = 32
"""Most pages in one reply."""
GROUP_SECONDS = 0.1
"""Pages are passed on at least this often, so that progress is seen."""
RECOGNITION_DPI = 200
THUMBNAIL_PIXELS = 240
"""Width of a document's small picture."""
THUMBNAIL_CHARS = 1200
SAMPLE_PAGES = 40
SAMPLE_CHARS = 400
"""By so many characters of so many pages the language is told."""


@dataclass
class Harvest:
    """What was seen of a document so far; it refuses more pages or text than allowed."""

    max_chars: int
    pages: int = 0
    empty: int = 0
    damaged: int = 0
    was_looked_at: bool = False
    recognised: int = 0
    chars: int = 0
    first_page: str = ""
    sample: list[str] = field(default_factory=list)

    def take(self, text: str) -> None:
        """Count a page. Raises UnreadableDocumentError when the text is too much."""
        self.pages += 1
        self.chars += len(text)
        if self.chars > self.max_chars:
            raise UnreadableDocumentError(
                f"the document has more than {self.max_chars} characters of text, the limit of `max_text_chars`; "
                "split it, or raise AGENTRAG_MAX_TEXT_CHARS"
            )
        if not text:
            self.empty += 1
            return
        self.first_page = self.first_page or text
        if len(self.sample) < SAMPLE_PAGES:
            self.sample.append(text[:SAMPLE_CHARS])


def extract(request: Frame) -> Iterator[Frame]:
    """Read the file at `path` of kind `media_type`.

    Yields `{"pages": n, "paging": how}`, then `{"texts": [...]}` with rows (page, text, label, offsets, width, height),
    then `{"facts": {...}}` with title, author, date, language and warnings, then `{"thumbnail": file}` if a small
    picture can be made. Raises UnreadableDocumentError.
    """
    harvest = Harvest(request["max_chars"])
    path = Path(request["path"])
    if request["media_type"] == filekinds.PDF:
        yield from _pdf(path, request, harvest)
    else:
        yield from _flowing(path, request, harvest)


def _pdf(path: Path, request: Frame, harvest: Harvest) -> Iterator[Frame]:
    from runtime.pdfium import PdfFile

    with PdfFile.open(path) as pdf:
        _check_pages(pdf.page_count, request["max_pages"])
        yield {"pages": pdf.page_count, "paging": "exact"}
        yield from _groups(_pdf_pages(pdf, harvest, _recognition(request)))
        said = pdf.metadata
        yield _facts(harvest, request, said.title, said.author, said.date, ())
        yield from _thumbnail(lambda: pdf.picture(1, THUMBNAIL_PIXELS))


def _recognition(request: Frame) -> Recognition:
    from servers.ingestion.recognition import Recognition

    return Recognition(request["ocr_languages"], request["ocr_pages"], request["ocr_seconds"])


def _thumbnail(draw: Callable[[], bytes]) -> Iterator[Frame]:
    """A small picture; a document is none the worse without one."""
    with suppress(AgentRAGError, ValueError, OSError):
        yield {"thumbnail": draw()}


def _pdf_pages(pdf: PdfFile, harvest: Harvest, recognition: Recognition) -> Iterator[list[Any]]:
    for number in range(1, pdf.page_count + 1):
        try:
            raw = pdf.page(number)
        except UnreadableDocumentError:
            harvest.damaged += 1
            harvest.take("")
            yield [number, "", None, (), 0.0, 0.0]
            continue
        text, offsets = normalise(raw.text)
        if not text and recognition.is_possible:
            text, _ = normalise(recognition.text(pdf.image(number, dots_per_inch=RECOGNITION_DPI)))
            offsets = NOWHERE
            harvest.was_looked_at = True
            harvest.recognised += bool(text)
        harvest.take(text)
        yield [number, text, raw.label, offsets, raw.width, raw.height]


def _flowing(path: Path, request: Frame, harvest: Harvest) -> Iterator[Frame]:
    """Files without pages of their own."""
    content = _content(path, request["media_type"])
    _check_pages(len(content.pages), request["max_pages"])
    yield {"pages": len(content.pages), "paging": content.paging}
    yield from _groups(_flowing_pages(content.pages, harvest))
    yield _facts(harvest, request, content.title, content.author, content.date, content.warnings)
    yield from _thumbnail(lambda: _set(harvest.first_page))


def _set(text: str) -> bytes:
    """The first words of a text as a small page."""
    from runtime.paper import Sheet, webp

    return webp(Sheet(text[:THUMBNAIL_CHARS], THUMBNAIL_PIXELS).draw())


def _content(path: Path, media_type: str) -> Content:
    match media_type:
        case filekinds.TEXT:
            from servers.ingestion import plain

            return plain.read(path.read_bytes())
        case filekinds.MARKDOWN:
            from servers.ingestion import markdown

            return markdown.read(path.read_bytes())
        case filekinds.HTML:
            from servers.ingestion import markup

            return markup.read(path.read_bytes())
        case filekinds.DOCX:
            from servers.ingestion import word

            return word.read(path)
    raise UnsupportedMediaError(f"documents of kind {media_type!r} cannot be read; upload a PDF, DOCX or text file")


def _flowing_pages(pages: Iterable[str], harvest: Harvest) -> Iterator[list[Any]]:
    for number, page in enumerate(pages, 1):
        text, _ = normalise(page)
        harvest.take(text)
        yield [number, text, None, (), 0.0, 0.0]


def _check_pages(pages: int, most: int) -> None:
    if pages > most:
        raise UnreadableDocumentError(
            f"the document has {pages} pages, the limit of `max_pages` is {most}; split it, or raise AGENTRAG_MAX_PAGES"
        )


def _groups(pages: Iterable[list[Any]]) -> Iterator[Frame]:
    group: list[list[Any]] = []
    began = time.monotonic()
    for page in pages:
        group.append(page)
        if len(group) >= GROUP_PAGES or time.monotonic() - began >= GROUP_SECONDS:
            yield {"texts": group}
            group, began = [], time.monotonic()
    if group:
        yield {"texts": group}


def _facts(harvest: Harvest, request: Frame, title: Any, author: Any, date: Any, warnings: tuple[str, ...]) -> Frame:
    """What is known at the end. Raises UnreadableDocumentError when there was nothing to read."""
    from servers.ingestion import metadata

    if harvest.empty == harvest.pages:
        raise UnreadableDocumentError(_nothing_to_read(harvest, request["media_type"]))
    written = metadata.date(date)
    return {
        "facts": {
            "title": metadata.title(title, harvest.first_page, request["filename"]),
            "author": metadata.author(author),
            "date": written.isoformat() if written else None,
            "language": language.language("\n".join(harvest.sample)),
            "warnings": [*warnings, *_page_warnings(harvest)],
        }
    }


def _page_warnings(harvest: Harvest) -> tuple[str, ...]:
    from servers.ingestion import metadata

    return metadata.page_warnings(harvest.pages, harvest.empty, harvest.damaged, harvest.recognised)


def _nothing_to_read(harvest: Harvest, media_type: str) -> str:
    if media_type != filekinds.PDF:
        return "the document has no text; upload one that has"
    if harvest.damaged == harvest.pages:
        return f"all {harvest.pages} pages of the PDF are damaged; upload an undamaged copy"
    if harvest.was_looked_at:
        return (
            f"none of the {harvest.pages} pages has words that can be read; upload a copy with text, or a better scan"
        )
    return (
        f"none of the {harvest.pages} pages has a text layer: the PDF seems to be scanned, and text recognition (OCR) "
        "is off or not installed here; install Tesseract (`apt install tesseract-ocr`) and process the document again"
    )


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the language model needs no threads, each would cost memory
    serve(extract)
