"""Run streams: what watchers of a run see, live while it goes on and from its record ever after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hosts.orchestrator.handoff import Handoffs
from hosts.orchestrator.host import Host
from runtime.errors import StreamLostError
from runtime.live.contract import Entry
from schemas.answer import Answer
from schemas.chunk import Chunk, Found
from schemas.event import (
    RUN_EVENT,
    Accepted,
    CitationsEvent,
    ConfidenceEvent,
    Done,
    ErrorEvent,
    Related,
    Reset,
    RunEvent,
    Source,
    Sources,
    TokenEvent,
    WarningEvent,
)
from schemas.message import RunId, TenantId
from schemas.query import Run

SNIPPET_CHARS = 240
RECAP_SECONDS = 10.0
"""How long one publisher may take to tell what happened before; then another one does."""
RECAP_POLL_SECONDS = 0.02


def sources_of(chunks: tuple[Chunk, ...]) -> Sources:
    """The passages as people see them, numbered as their markers."""
    return Sources(
        sources=tuple(
            Source(
                number=number,
                doc_id=chunk.doc_id,
                doc=chunk.doc,
                chunk_id=chunk.chunk_id,
                page=chunk.page,
                title=chunk.title,
                score=chunk.score,
                snippet=chunk.content[:SNIPPET_CHARS],
            )
            for number, chunk in enumerate(chunks)
        )
    )


def usage_of(run: Run) -> dict[str, int]:
    """Tokens of all agents together."""
    return {
        "input_tokens": sum(usage.input_tokens for usage in run.usage.values()),
        "output_tokens": sum(usage.output_tokens for usage in run.usage.values()),
    }


def done_of(run: Run) -> Done:
    """The last event of a run."""
    return Done(
        query_id=run.query_id,
        status=run.status,
        trace_id=run.trace_id,
        usage=usage_of(run),
        latency_ms=run.latency_ms,
    )


def replay(run: Run) -> list[RunEvent]:
    """The events of an ended run, told from its record: the same end, without the timeline."""
    events: list[RunEvent] = [
        Accepted(query_id=run.query_id, conversation_id=run.conversation_id, trace_id=run.trace_id)
    ]
    if run.sources:
        events.append(Sources(sources=run.sources))
    if run.answer:
        events.append(TokenEvent(content=run.answer))
    if run.status == "completed":
        events.append(CitationsEvent(citations=run.citations))
    if run.confidence is not None:
        events.append(ConfidenceEvent(confidence=run.confidence, abstained=run.abstained))
    if run.related:
        events.append(Related(questions=run.related))
    events.extend(WarningEvent(code="run.warning", message=warning) for warning in run.warnings)
    if run.error is not None:
        events.append(ErrorEvent(problem=run.error))
    events.append(done_of(run))
    return events


class RunStream:
    """The stream of one run. Ids are `boot.seq`: a restarted host numbers anew, and readers are told to start over."""

    def __init__(self, host: Host, tenant: TenantId, query_id: str) -> None:
        self._host = host
        self._tenant = tenant
        self._query_id = RunId(query_id)
        self._name = f"run:{tenant}:{query_id}"

    async def publish(self, *events: RunEvent) -> None:
        """Tell all watchers."""
        await self._begun()
        for event in events:
            await self._append(event)

    async def _append(self, event: RunEvent) -> None:
        await self._host.on.live.append(self._name, event.model_dump_json(exclude_none=True), attempt=self._host.boot)

    async def _begun(self) -> None:
        """Return once the stream is there. The first who wants it tells what happened before; the others wait."""
        live = self._host.on.live
        while not await live.exists(self._name):
            if not await live.claim(f"{self._name}:recap", ttl_seconds=RECAP_SECONDS):
                await asyncio.sleep(RECAP_POLL_SECONDS)
                continue
            for event in await self._past():
                await self._append(event)
            return

    async def _past(self) -> list[RunEvent]:
        """What happened before the stream was there: at the start of a run, and after a restart in the middle of it."""
        stored = await self._host.on.records.runs.get(self._tenant, self._query_id)
        if stored is None:
            return []
        run, left = stored.run, Handoffs(self._host.on.blobs, self._tenant, self._query_id)
        past: list[RunEvent] = [
            Accepted(query_id=run.query_id, conversation_id=run.conversation_id, trace_id=run.trace_id)
        ]
        found = await left.take("found", Found)
        if found is not None:
            past.append(sources_of(found.chunks))
        answer = await left.take("answer", Answer)
        if answer is not None:
            past.append(TokenEvent(content=answer.text))
        return past

    async def end(self) -> None:
        """Nothing more will come."""
        await self._host.on.live.forget(f"{self._name}:recap")
        await self._host.on.live.close_stream(self._name)

    async def read(self, after: str | None = None) -> AsyncIterator[Entry]:
        """Events after `after`, or all; a reader whose place is no longer held gets `reset` and everything again."""
        live = self._host.on.live
        while await self._is_live():
            try:
                async for entry in live.read(self._name, after):
                    yield entry
                    after = entry.id
            except StreamLostError:
                yield _reset(after)
                after = None
            else:
                return
        stored = await self._host.on.records.runs.get(self._tenant, self._query_id)
        if stored is None:
            return
        if after is not None:
            yield _reset(after)
        for number, event in enumerate(replay(stored.run), 1):
            yield Entry(f"0.{number}", event.model_dump_json(exclude_none=True))

    async def _is_live(self) -> bool:
        """Whether the stream is there; that of a running run begins when somebody looks."""
        if await self._host.on.live.exists(self._name):
            return True
        stored = await self._host.on.records.runs.get(self._tenant, self._query_id)
        if stored is None or stored.run.status != "running":
            return False
        await self._begun()
        return True


def _reset(after: str | None) -> Entry:
    reason = f"the events after {after or 'the start'} are no longer held; the whole text follows"
    return Entry("0.0", Reset(reason=reason).model_dump_json())


def parse(entry: Entry) -> RunEvent:
    """The event of an entry."""
    return RUN_EVENT.validate_json(entry.data)
