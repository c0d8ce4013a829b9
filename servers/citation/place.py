"""Find a quote in a document: the page, the stretch of its text, the rectangles on its picture."""

from __future__ import annotations

import structlog

from runtime.call import Call
from runtime.errors import AgentRAGError
from runtime.records.contract import PageRecord
from schemas.citation import Located, Rect, Span
from schemas.document import Document
from schemas.message import VersionId
from schemas.skills import Locate
from servers.citation import locate, painter, spans
from servers.citation.sources import find_document, find_page, has_layout

log = structlog.get_logger()

GAP = " … "
"""Between the parts of a quote that was found in several."""


async def place(ask: Locate, call: Call) -> Located:
    """Where the quote stands: on the page asked for, else on the page of the document that has it."""
    document = await find_document(call, ask.doc_id)
    pages = [await find_page(call, document, ask.page)] if ask.page is not None else await _pages(call, document)
    found = await call.on.compute.run(locate.find_in_pages, ask.quote, [page.text for page in pages])
    if found is None:
        return Located(doc_id=document.doc_id, found=False, match="none", score=0.0)
    page, match = pages[found[0]], found[1]
    rects = await _rects(call, document, page, match)
    return Located(
        doc_id=document.doc_id,
        found=True,
        match=match.kind,
        score=match.score,
        quote=GAP.join(page.text[start:end] for start, end in match.spans),
        spans=tuple(
            Span(page=page.page, start=start, end=end, rects=placed)
            for (start, end), placed in zip(match.spans, rects, strict=True)
        ),
    )


async def _pages(call: Call, document: Document) -> list[PageRecord]:
    return await call.on.records.pages.all(call.caller.tenant, VersionId(document.version_id or ""))


async def _rects(call: Call, document: Document, page: PageRecord, match: locate.Match) -> list[tuple[Rect, ...]]:
    if not has_layout(document):
        return [()] * len(match.spans)
    passages = passages_of(page, match.spans)
    try:
        return await painter.place(call, document.doc_id, passages)
    except AgentRAGError as error:  # the place in the text is known even so
        log.warning("quote.unplaced", doc_id=document.doc_id, code=error.code, error=str(error))
        return [()] * len(match.spans)


def passages_of(page: PageRecord, stretches: tuple[tuple[int, int], ...]) -> list[painter.Passage]:
    """Stretches of a page's text, ready to be placed on it."""
    return [
        painter.Passage(page.page, page.text[start:end], tuple(spans.source(page, (start, end))))
        for start, end in stretches
    ]
