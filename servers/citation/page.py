"""Show a page: its stored text, or a picture of it with passages in yellow and what is around them in a paler one."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from dataclasses import dataclass

from runtime.call import Call
from runtime.records.contract import PageRecord
from runtime.sentences import sentences
from schemas.citation import PageImage, Rect, Span
from schemas.document import Document, Page
from schemas.picture import Picture
from schemas.skills import ShowPage
from servers.citation import painter, spans
from servers.citation.locate import PageText, find
from servers.citation.painter import Drawing
from servers.citation.place import passages_of
from servers.citation.settings import CitationSettings
from servers.citation.sources import find_document, find_page, has_layout

Stretches = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Emphasis:
    """What to show on a page: stretches of its text in yellow and in a paler one, and boxes given as such."""

    strong: Stretches = ()
    pale: Stretches = ()
    boxes: tuple[Rect, ...] = ()


async def text(call: Call, doc_id: str, page: int) -> Page:
    """The stored text of a page."""
    document = await find_document(call, doc_id)
    found = await find_page(call, document, page)
    return Page(
        doc_id=document.doc_id,
        doc=document.filename,
        page=found.page,
        pages=document.pages or found.page,
        page_label=found.label,
        text=found.text,
    )


async def show(ask: ShowPage, call: Call) -> PageImage:
    """The page as a picture; drawn once, then kept for a while."""
    document = await find_document(call, ask.doc_id)
    page = await find_page(call, document, ask.page)
    emphasis, located = await call.on.compute.run(emphasised, page, ask.quote, ask.spans)
    key = _key(call, document, page, ask.width, emphasis)
    drawing = _unpacked(await call.on.live.get(key))
    if drawing is None:
        drawing = await _draw(call, document, page, ask.width, emphasis)
        await call.on.live.put(key, _packed(drawing), ttl_seconds=call.knobs(CitationSettings).page_image_ttl)
    return PageImage(
        doc_id=document.doc_id,
        doc=document.filename,
        page=page.page,
        pages=document.pages or page.page,
        highlights=drawing.drawn,
        located=located,
        picture=Picture(
            media_type="image/webp",
            base64=b64encode(drawing.image).decode(),
            width=drawing.width,
            height=drawing.height,
        ),
    )


def emphasised(page: PageRecord, quote: str | None, given: tuple[Span, ...]) -> tuple[Emphasis, bool]:
    """What to emphasise for a quote and spans, and whether the quote was found.

    A span with a stretch is placed anew from the text; one with rectangles only is taken as it is.
    """
    strong: list[tuple[int, int]] = []
    here = [span for span in given if span.page == page.page]
    strong += [
        (span.start, min(span.end, len(page.text))) for span in here if span.start < min(span.end, len(page.text))
    ]
    boxes = tuple(rect for span in here if span.start >= span.end for rect in span.rects)
    match = find(quote, PageText(page.text)) if quote else None
    strong += match.spans if match else ()
    return Emphasis(tuple(strong), _surroundings(page.text, strong), boxes), not quote or match is not None


def _surroundings(text: str, strong: list[tuple[int, int]]) -> Stretches:
    """The sentences around each stretch, less what is emphasised itself."""
    there = sentences(text)
    around = {stretch for each in strong for side in spans.context(text, each, there) for stretch in side}
    apart = [(start, end) for start, end in around if all(end <= low or start >= high for low, high in strong)]
    return tuple(sorted(apart))


async def _draw(call: Call, document: Document, page: PageRecord, width: int, emphasis: Emphasis) -> Drawing:
    if not has_layout(document):
        return await painter.set_text(call, page.text, width, highlights=emphasis.strong, pale=emphasis.pale)
    return await painter.draw(
        call,
        document.doc_id,
        page.page,
        width,
        highlights=passages_of(page, emphasis.strong),
        pale=passages_of(page, emphasis.pale),
        boxes=emphasis.boxes,
    )


# the cache -----------------------------------------------------------------------------------------------------------


def _key(call: Call, document: Document, page: PageRecord, width: int, emphasis: Emphasis) -> str:
    boxes = [box.model_dump() for box in emphasis.boxes]
    what = [document.sha256, document.version_id, page.page, width, emphasis.strong, emphasis.pale, boxes]
    digest = hashlib.sha256(json.dumps(what).encode()).hexdigest()
    return f"{call.caller.tenant}/page/{document.doc_id}/{digest}"


def _packed(drawing: Drawing) -> bytes:
    return f"{drawing.width} {drawing.height} {drawing.drawn}\n".encode() + drawing.image


def _unpacked(kept: bytes | None) -> Drawing | None:
    if kept is None:
        return None
    head, _, image = kept.partition(b"\n")
    width, height, drawn = map(int, head.split())
    return Drawing(image, width, height, drawn)
