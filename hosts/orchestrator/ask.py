"""The host's own skill: ask a question, as an MCP tool and over A2A, with pictures of the cited pages on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hosts.orchestrator import runs
from hosts.orchestrator.host import Host
from hosts.orchestrator.stream import RunStream, parse
from runtime.call import Call, Skills
from runtime.errors import AgentRAGError
from schemas.citation import Citation, PageImage
from schemas.event import AgentUpdate, TokenEvent
from schemas.query import Answered, Ask, Query, Run
from schemas.skills import ASK, PAGE_IMAGE, Progress, ShowPage, Token

STEPS = {"retrieval": 1, "synthesis": 2, "citation": 3}
BEGUN = 0.1
"""How much of a step is done when it begins."""
SPANS = 50
"""Passages that one picture shows at most."""


def progress(update: AgentUpdate, total: int) -> Progress:
    """How far a run has come with this news of one of its steps."""
    step = STEPS.get(update.agent, 1)
    is_under_way = update.status in {"queued", "running", "retrying"}
    return Progress(message=update.message, done=step - 1 + BEGUN if is_under_way else step, total=total)


def cited_pages(citations: Sequence[Citation], count: int) -> list[ShowPage]:
    """The first `count` pages that are cited, each with all that is cited of it."""
    pages: dict[tuple[str, int], list[Citation]] = {}
    for citation in citations:
        pages.setdefault((citation.doc_id, citation.page), []).append(citation)
    return [
        ShowPage(doc_id=doc_id, page=page, spans=tuple(span for each in cited for span in each.spans)[:SPANS])
        for (doc_id, page), cited in list(pages.items())[:count]
    ]


async def pictured(host: Host, call: Call, citations: Sequence[Citation], count: int) -> tuple[list[PageImage], str]:
    """Pictures of cited pages, and what to say when some could not be drawn; an answer stands without them."""
    asked = cited_pages(citations, count)
    drawn = await asyncio.gather(
        *(host.client.call(PAGE_IMAGE, page, call.caller) for page in asked), return_exceptions=True
    )
    failed = [found for found in drawn if isinstance(found, BaseException)]
    for fault in failed:
        if not isinstance(fault, AgentRAGError):
            raise fault
    warning = f"{len(failed)} of {len(asked)} pages could not be drawn: {failed[0]}" if failed else ""
    return [found for found in drawn if isinstance(found, PageImage)], warning


async def followed(host: Host, call: Call, run: Run, total: int) -> Run:
    """The run once it has ended; what it tells meanwhile is passed on."""
    async for entry in RunStream(host, call.caller.tenant, run.query_id).read():
        match parse(entry):
            case TokenEvent(content=content):
                await call.emit(Token(content=content))
            case AgentUpdate() as update:
                await call.emit(progress(update, total))
    return await runs.finished(host, call.caller, run.query_id)


def skills(host: Callable[[], Host]) -> Skills:
    """The skills of a host that is there once the first call comes."""
    bound = Skills()

    @bound.skill(ASK)
    async def ask(asked: Ask, call: Call) -> Answered:
        """Answer a question from the user's own documents.

        Every sentence of the answer carries markers like [0]; each citation names the document, the page and the
        verbatim words that support it. Says so when the documents do not answer the question. With `pictures` the cited
        pages are shown, the quotes in yellow.
        """
        here, total = host(), len(STEPS) + bool(asked.pictures)
        run = await runs.begin(here, call.caller, Query.model_validate(asked.model_dump(exclude={"pictures"})))
        try:
            run = await followed(here, call, run, total)
        except asyncio.CancelledError:
            if call.stop.reason == "closing":
                raise
            await asyncio.shield(runs.cancel(here, call.caller, run.query_id))
            raise
        answered = Answered.model_validate(run.model_dump())
        if not asked.pictures or not run.citations:
            return answered
        await call.emit(Progress(message="Drawing pages...", done=len(STEPS) + BEGUN, total=total))
        pictures, warning = await pictured(here, call, run.citations, asked.pictures)
        warnings = (*run.warnings, warning) if warning else run.warnings
        return answered.model_copy(update={"pictures": tuple(pictures), "warnings": warnings})

    return bound
