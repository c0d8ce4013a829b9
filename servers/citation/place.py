"""Find a quote in a document: the page, the stretch of its text, the rectangles on its picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import structlog

from runtime.call import Call
from runtime.errors import AgentRAGError
from runtime.records.contract import PageRecord
from schemas.citation import Located, Rect, Span
from schemas.document import Document
from schemas.message import VersionId
from schemas.skills import Locate
from servers.citation import painter, spans
from servers.citation.sources import find_document, find_page, has_layout
from servers.citation.volume import find_in_pages

log = structlog.get_logger()

Part = tuple[PageRecord, tuple[int, int]]
"""A page and a stretch of its text."""

GAP = " … "
"""Between the parts of a quote that was found in several."""


async def place(ask: Locate, call: Call) -> Located:
    """Where the quote stands: on the page asked for, else on the page of the document that has it."""
    document = await find_document(call, ask.doc_id)
    pages = [await find_page(call, document, ask.page)] if ask.page is not None else await _pages(call, document)
    found = await call.on.compute.run(find_in_pages, ask.quote, [page.text for page in pages])
    if not found:
        return Located(doc_id=document.doc_id, found=False, match="none", score=0.0)
    parts = [(pages[index], stretch) for index, match in found for stretch in match.spans]
    rects = await _rects(call, document, parts)
    return Located(
        doc_id=document.doc_id,
        found=True,
        match=found[0][1].kind,
        score=min(match.score for _, match in found),
        quote=_joined(parts),
        spans=tuple(
            Span(page=page.page, start=start, end=end, rects=placed)
            for (page, (start, end)), placed in zip(parts, rects, strict=True)
        ),
    )


def _joined(parts: Sequence[Part]) -> str:
    """The words of all parts; those on one page have something left out between them."""
    words = parts[0][0].text[slice(*parts[0][1])]
    for (before, _), (page, stretch) in pairwise(parts):
        words += (GAP if page is before else "\n") + page.text[slice(*stretch)]
    return words


async def _pages(call: Call, document: Document) -> list[PageRecord]:
    return await call.on.records.pages.all(call.caller.tenant, VersionId(document.version_id or ""))


async def _rects(call: Call, document: Document, parts: Sequence[Part]) -> list[tuple[Rect, ...]]:
    if not has_layout(document):
        return [()] * len(parts)
    passages = [passage for page, stretch in parts for passage in passages_of(page, (stretch,))]
    try:
        return await painter.place(call, document.doc_id, passages)
    except AgentRAGError as error:  # the place in the text is known even so
        log.warning("quote.unplaced", doc_id=document.doc_id, code=error.code, error=str(error))
        return [()] * len(parts)


def passages_of(page: PageRecord, stretches: tuple[tuple[int, int], ...]) -> list[painter.Passage]:
    """Stretches of a page's text, ready to be placed on it."""
    return [
        painter.Passage(page.page, page.text[start:end], tuple(spans.source(page, (start, end))))
        for start, end in stretches
    ]
