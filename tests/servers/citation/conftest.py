"""A small library on real embedded backends: a PDF and a Markdown file with their pages in the records."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from reportlab.pdfgen.canvas import Canvas

from runtime import intake
from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.pagetext import normalise
from runtime.pdfium import PdfFile
from runtime.records.contract import PageRecord
from schemas.chunk import Chunk
from schemas.document import Document
from schemas.message import VersionId
from servers.citation.settings import CitationSettings

PAGES = [
    [
        "Safety of the coffee grinder",
        "Keep hands clear of the intake while the motor runs. Unplug the grinder before",
        "you clean the blades. The blades are made of hardened steel and stay sharp for",
        "about 3,500 hours. Dry the bowl with a soft cloth. Never put the motor unit into",
        "water, and never let children use the grinder without an adult beside them.",
    ],
    [
        "Technical data",
        "Motor power 450 W",
        "Weight 2.4 kg",
        "Net sales of the grinder line rose by 12 % to $5.2 million in 2021, because the",
        "new model sold well in northern markets. Repairs fell to 310 in the same year.",
        "The maker gives a warranty of five years on the motor and of two years on the",
        "other parts. Spare parts are kept in stock for ten years after the last sale.",
    ],
]
NOTES = (
    "# Kitchen notes\n\nThe kettle holds 1.7 litres.\n\nBoil it empty never. Descale it every month with citric acid."
)


def pdf_bytes(pages: Sequence[Sequence[str]] = PAGES) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842), invariant=1)
    canvas.addPageLabel(0, "ROMAN_LOWER", 3)
    for lines in pages:
        for row, line in enumerate(lines):
            canvas.drawString(60, 760 - 22 * row, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@dataclass
class Library:
    """Documents of one tenant, and calls on their behalf."""

    on: Backends
    caller: Caller

    @property
    def call(self) -> Call:
        return Call(self.caller, self.on)

    async def add(self, filename: str, data: bytes, pages: Sequence[PageRecord], version: str = "one") -> Document:
        tenant = self.caller.tenant
        document, _ = await intake.accept(tenant, filename, data, self.on, self.on.settings)
        await self.activate(document, pages, version)
        found = await self.on.records.documents.get(tenant, document.doc_id)
        assert found is not None
        return found

    async def activate(self, document: Document, pages: Sequence[PageRecord], version: str) -> None:
        tenant, version_id = self.caller.tenant, VersionId(f"{document.doc_id}-{version}")
        versions = self.on.records.versions
        await versions.begin(tenant, document.doc_id, version_id, sha256=document.sha256, fingerprint=f"test/{version}")
        await self.on.records.pages.put(tenant, version_id, pages)
        assert await versions.activate(tenant, document.doc_id, version_id, {"pages": len(pages)})

    async def page(self, document: Document, number: int) -> PageRecord:
        found = await self.on.records.pages.get(self.caller.tenant, VersionId(document.version_id or ""), number)
        assert found is not None
        return found

    async def chunk(self, document: Document, number: int, words: str = "", score: float = 0.8) -> Chunk:
        """The whole page as a chunk, or the stretch with these words."""
        text = (await self.page(document, number)).text
        start = text.index(words)
        end = start + len(words) if words else len(text)
        return Chunk(
            chunk_id=f"{document.doc_id}-{number}-{start}",
            doc_id=document.doc_id,
            doc=document.filename,
            version_id=document.version_id or "",
            page=number,
            ordinal=number,
            start=start,
            end=end,
            content=text[start:end],
            score=score,
        )


def pages_of(path: Path) -> list[PageRecord]:
    with PdfFile.open(path) as file:
        raw = [file.page(number) for number in range(1, file.page_count + 1)]
    made = []
    for number, page in enumerate(raw, 1):
        text, offsets = normalise(page.text)
        made.append(PageRecord(number, text, page.label, offsets, page.width, page.height))
    return made


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    on = Backends(CitationSettings(data=tmp_path / "data", _env_file=None))
    await on.open(("records", "blobs", "live", "compute", "embedder"))
    try:
        yield Library(on, Caller.owner())
    finally:
        await on.close()


@pytest.fixture
def make_manual(tmp_path: Path) -> Callable[[], Path]:
    """Writes a PDF of two pages, labelled iii and iv."""

    def make() -> Path:
        path = tmp_path / "grinder.pdf"
        path.write_bytes(pdf_bytes())
        return path

    return make


@pytest.fixture
async def manual(library: Library, make_manual: Callable[[], Path]) -> Document:
    """That PDF in the library."""
    path = make_manual()
    return await library.add("grinder.pdf", path.read_bytes(), pages_of(path))


@pytest.fixture
async def notes(library: Library) -> Document:
    """A Markdown file, which has no layout."""
    return await library.add("notes.md", NOTES.encode(), [PageRecord(1, NOTES)])
