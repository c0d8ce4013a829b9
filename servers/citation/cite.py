"""Cite an answer: every marker with the words of the page that support its sentence, checked against the records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from runtime.call import Call
from runtime.errors import AgentRAGError
from runtime.sentences import sentences
from schemas.chunk import Chunk
from schemas.citation import Citation, Cited, Rect, Span, Verdict
from schemas.skills import Cite
from servers.citation import align, markers, painter, spans, support
from servers.citation.confidence import confidence
from servers.citation.markers import Claim, Mark
from servers.citation.meaning import meanings
from servers.citation.sources import Source, find_source, has_layout
from servers.citation.spans import Stretch
from servers.citation.words import terms

log = structlog.get_logger()

BARE_TERMS = 4
"""A sentence with fewer terms (`Yes [0].`) is read together with the question."""


@dataclass(frozen=True)
class Draft:
    """A citation in the making: a sentence, one of its marks, and the quote chosen for it."""

    claim: Claim
    mark: Mark
    chunk: Chunk
    source: Source
    said: str
    quote: Stretch
    before: tuple[Stretch, ...]
    after: tuple[Stretch, ...]

    def text(self, stretch: Stretch) -> str:
        """Verbatim words of the page."""
        return self.source.page.text[slice(*stretch)]

    @property
    def references(self) -> tuple[str, str]:
        """What must support the sentence: the quote, and the passage it was taken from."""
        return self.text(self.quote), self.text(self.source.passage)


async def cite(ask: Cite, call: Call) -> Cited:
    """Citations in the order of their markers. A marker without a page that exists is never a source."""
    marked = markers.parse(ask.answer, len(ask.chunks))
    sources = await _sources(call, ask.chunks, {mark.number for claim in marked.claims for mark in claim.marks})
    drafts = await call.on.compute.run(drafted, marked.claims, ask.chunks, sources, ask.question)
    verdicts = await _verdicts(call, drafts)
    rects = await _rects(call, drafts) if ask.with_rects else [()] * len(drafts)
    citations = tuple(_citation(*parts) for parts in zip(drafts, verdicts, rects, strict=True))
    lost = [mark.literal for claim in marked.claims for mark in claim.marks if mark.number not in sources]
    verified = {draft.claim for draft, verdict in zip(drafts, verdicts, strict=True) if verdict.supported}
    log.info(
        "citation.completed",
        answer_chars=len(ask.answer),
        citations=len(citations),
        verified=sum(citation.verified for citation in citations),
        unknown=len(marked.unknown) + len(lost),
    )
    return Cited(
        citations=citations,
        confidence=confidence(marked.claims, citations, ask.chunks, verified),
        unknown_markers=tuple(dict.fromkeys([*marked.unknown, *lost])),
    )


async def _sources(call: Call, chunks: Sequence[Chunk], numbers: set[int]) -> dict[int, Source]:
    """The sources of the chunks with these numbers, those that have one."""
    order = sorted(numbers)
    found = await asyncio.gather(*(find_source(call, chunks[number]) for number in order))
    return {number: source for number, source in zip(order, found, strict=True) if source is not None}


def drafted(
    claims: Sequence[Claim], chunks: Sequence[Chunk], sources: Mapping[int, Source], question: str = ""
) -> list[Draft]:
    """A draft for each sentence and mark with a source."""
    on_page: dict[str, list[Stretch]] = {}
    drafts = []
    for claim in claims:
        said = claim.text if len(terms(claim.text)) >= BARE_TERMS else f"{question} {claim.text}".strip()
        for mark in claim.marks:
            if mark.number in sources:
                source = sources[mark.number]
                text = source.page.text
                if text not in on_page:
                    on_page[text] = sentences(text)
                quote = align.quote(said, text, source.passage, on_page[text])
                before, after = spans.context(text, quote, on_page[text])
                chunk = chunks[mark.number]
                drafts.append(Draft(claim, mark, chunk, source, said, quote, tuple(before), tuple(after)))
    return drafts


async def _verdicts(call: Call, drafts: Sequence[Draft]) -> list[Verdict]:
    """How well each quote supports its sentence; meaning is compared only where words do not settle it."""
    nothing: list[float | None] = [None] * len(drafts)
    by_words = await call.on.compute.run(_judged, drafts, nothing)
    open_ones = [index for index, verdict in enumerate(by_words) if verdict.score < 1]
    left = [drafts[index] for index in open_ones]
    near = await meanings(call.on.embedder, [(draft.said, draft.references) for draft in left])
    settled = dict(zip(open_ones, await call.on.compute.run(_judged, left, near), strict=True))
    return [settled.get(index, verdict) for index, verdict in enumerate(by_words)]


def _judged(drafts: Sequence[Draft], near: Sequence[float | None]) -> list[Verdict]:
    return [support.judge(draft.said, draft.references, meaning) for draft, meaning in zip(drafts, near, strict=True)]


async def _rects(call: Call, drafts: Sequence[Draft]) -> list[tuple[Rect, ...]]:
    """Rectangles of each quote, one request a document; one that cannot be opened gives none, which is logged."""
    found: list[tuple[Rect, ...]] = [()] * len(drafts)
    by_document: dict[str, list[int]] = {}
    for index, draft in enumerate(drafts):
        if has_layout(draft.source.document):
            by_document.setdefault(draft.source.document.doc_id, []).append(index)
    for doc_id, indexes in by_document.items():
        passages = [_passage(drafts[index]) for index in indexes]
        try:
            placed = await painter.place(call, doc_id, passages)
        except AgentRAGError as error:  # citations without boxes are better than none
            log.warning("citation.unplaced", doc_id=doc_id, code=error.code, error=str(error), quotes=len(indexes))
            continue
        for index, rects in zip(indexes, placed, strict=True):
            found[index] = rects
    return found


def _passage(draft: Draft) -> painter.Passage:
    page = draft.source.page
    return painter.Passage(page.page, draft.text(draft.quote), tuple(spans.source(page, draft.quote)))


def _citation(draft: Draft, verdict: Verdict, rects: tuple[Rect, ...]) -> Citation:
    document, page = draft.source.document, draft.source.page
    start, end = draft.quote
    return Citation(
        marker=draft.mark.literal,
        number=draft.mark.number,
        doc=document.filename,
        doc_id=document.doc_id,
        chunk_id=draft.chunk.chunk_id,
        page=page.page,
        page_label=page.label,
        sentence=draft.claim.sentence,
        quote=draft.text(draft.quote),
        before=tuple(draft.text(stretch) for stretch in draft.before),
        after=tuple(draft.text(stretch) for stretch in draft.after),
        spans=(Span(page=page.page, start=start, end=end, rects=rects),),
        score=verdict.score,
        verified=verdict.supported,
    )
