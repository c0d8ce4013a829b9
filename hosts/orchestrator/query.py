"""The query workflow, top to bottom: retrieve, answer, cite, remember; and every fallback it knows."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import aclosing
from typing import Any

from hosts.orchestrator.host import Host
from hosts.orchestrator.steps import Step, question_step
from runtime.durable.contract import Activity, Json, Task, WorkflowContext
from runtime.errors import AgentRAGError, AgentUnavailableError, InvalidInputError, ModelUnavailableError
from runtime.resilience import Backoff
from schemas.answer import Answer, FollowUps
from schemas.chunk import Found
from schemas.citation import Cited, Confidence
from schemas.event import CitationsEvent, ConfidenceEvent, Related, TokenEvent
from schemas.skills import (
    ANSWER,
    CITE,
    FOLLOW_UPS,
    HYBRID_SEARCH,
    KEYWORD_SEARCH,
    Cite,
    HybridSearch,
    KeywordSearch,
    SuggestFollowUps,
    Synthesize,
    Token,
)

NAME = "answer_question"
ANSWER_BACKOFF = Backoff(attempts=3, first_seconds=1.0, factor=2.0)
SIMPLIFIED = "Generated with simplified model"


def answer_question(ctx: WorkflowContext, asked: Json) -> Generator[Task, Any, Json]:
    """Retrieve, answer, cite, remember. Each step says in its outcome whether the next one makes sense."""
    outcome: Json = yield ctx.call_activity("retrieve", asked)
    if outcome["ok"]:
        outcome = yield ctx.call_activity("answer", asked)
    if outcome["ok"]:
        yield ctx.call_activity("cite", asked)
    remembered: Json = yield ctx.call_activity("remember", {**asked, "error": outcome.get("error")})
    return remembered


async def retrieve(step: Step) -> Json:
    """Find passages by meaning and words; by words alone when that is all that can be had."""
    await step.tell("retrieval", "running", "Searching...")
    query = step.query
    try:
        found = await step.host.client.call(
            HYBRID_SEARCH,
            HybridSearch(query=query.query, alpha=query.alpha, top_k=query.top_k, filters=query.filters),
            step.caller,
            key=step.key,
        )
    except (AgentUnavailableError, InvalidInputError):
        raise
    except AgentRAGError as error:
        await step.warn("partial_results", f"Searched by words only: {error.title.lower()}")
        found = await step.host.client.call(
            KEYWORD_SEARCH,
            KeywordSearch(query=query.query, top_k=query.top_k, filters=query.filters),
            step.caller,
            key=f"{step.key}:words",  # a task that failed is not taken up again
        )
    await step.left.leave("found", found)
    counted = len(found.chunks)
    await step.tell("retrieval", "done", f"Found {counted} chunk{'' if counted == 1 else 's'}", chunks=counted)
    await step.show_sources(found)
    return {"ok": True, "chunks": [chunk.chunk_id for chunk in found.chunks]}


async def answer(step: Step) -> Json:
    """Stream the answer; begin again when its agent goes away in the middle, simpler when its model does."""
    found = await step.need("found", Found)
    turns = await step.turns()
    ask = Synthesize(question=step.query.query, chunks=found.chunks, history=turns)
    await step.tell("synthesis", "running", "Generating answer...")
    made = await _answered(step, ask)
    await step.left.leave("answer", made)
    await step.tell("synthesis", "done", "Answer written", tokens=made.usage.output_tokens)
    return {"ok": True}


async def _answered(step: Step, ask: Synthesize) -> Answer:
    """Begin again after a wait when the agent goes away, simpler when its model does."""
    attempt = 0
    waits = ANSWER_BACKOFF.waits()
    while True:
        attempt += 1
        try:
            return await _streamed(step, ask, attempt)
        except ModelUnavailableError:
            if ask.simple:
                raise
            ask = ask.model_copy(update={"simple": True})
            await step.reset("the model is away")
            await step.warn("simplified_model", SIMPLIFIED)
        except AgentUnavailableError:
            if not waits:
                raise
            await step.reset("the answer is begun again")
            await step.tell("synthesis", "retrying", "Trying again...", attempt=attempt + 1)
            await asyncio.sleep(waits.pop(0))


async def _streamed(step: Step, ask: Synthesize, attempt: int) -> Answer:
    async with aclosing(step.streamed(ANSWER, ask, f"{step.key}.{attempt}")) as items:
        async for item in items:
            match item:
                case Token(content=content):
                    await step.publish(TokenEvent(content=content))
                case Answer():
                    return item
    raise AgentUnavailableError("the answer ended without its result; ask again")


async def cite(step: Step) -> Json:
    """Tie the answer to its pages and suggest what to ask next; an answer without citations is said to be one."""
    found, made = await step.need("found", Found), await step.need("answer", Answer)
    await step.tell("citation", "running", "Checking citations...")
    ask = Cite(answer=made.text, chunks=found.chunks, question=step.query.query)
    try:
        cited = await step.host.client.call(CITE, ask, step.caller, key=step.key)
        await step.tell("citation", "done", f"{len(cited.citations)} citations", citations=len(cited.citations))
    except AgentRAGError as error:
        await step.tell("citation", "failed", error.title)
        await step.warn("partial_results", f"The answer could not be checked against its pages: {error.title.lower()}")
        cited = Cited(citations=(), confidence=Confidence(score=0, retrieval=0, coverage=0, agreement=0))
    await step.left.leave("cited", cited)
    await step.publish(
        CitationsEvent(citations=cited.citations),
        ConfidenceEvent(confidence=cited.confidence, abstained=made.abstained),
    )
    related = await _related(step, found, made)
    await step.left.leave("related", related)
    await step.publish(Related(questions=related.questions))
    return {"ok": True}


async def _related(step: Step, found: Found, made: Answer) -> FollowUps:
    if not found.chunks:
        return FollowUps(questions=())
    ask = SuggestFollowUps(question=step.query.query, answer=made.text, chunks=found.chunks)
    try:
        return await step.host.client.call(FOLLOW_UPS, ask, step.caller, key=f"{step.key}.related")
    except AgentRAGError:
        return FollowUps(questions=())


async def remember(step: Step) -> Json:
    """Write the end of the run, tell the watchers, clear what the steps left."""
    run = await step.ended()
    await step.host.on.records.runs.finish(step.caller.tenant, run)
    await step.finish(run)
    return {"ok": run.status == "completed", "query_id": run.query_id}


def activities(host: Host) -> dict[str, Activity]:
    """The steps by name, bound to this host."""
    return {step.__name__: question_step(host, step.__name__, step) for step in (retrieve, answer, cite, remember)}
