"""Steps of a run: what an activity works with, and how its failures become outcomes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from pydantic import Field

from hosts.orchestrator.handoff import Handoffs
from hosts.orchestrator.host import Host
from hosts.orchestrator.stream import RunStream, done_of, sources_of
from runtime import telemetry
from runtime.caller import Caller
from runtime.durable.contract import Activity, ActivityContext, Json
from runtime.errors import AgentRAGError, InternalError, NotFoundError
from schemas.answer import Answer, FollowUps, TokenUsage, Turn
from schemas.chunk import Found
from schemas.citation import Cited
from schemas.event import AgentUpdate, ErrorEvent, Reset, RunEvent, StepStatus, WarningEvent
from schemas.message import Message, RunId, TenantId
from schemas.problem import Problem
from schemas.query import Query, Run
from schemas.skills import Progress, SkillSpec, Token

log = structlog.get_logger()

I = TypeVar("I", bound=Message)
O = TypeVar("O", bound=Message)
M = TypeVar("M", bound=Message)


class Notes(Message):
    """What the steps of a run have to say at its end."""

    warnings: tuple[str, ...] = ()
    latency_ms: dict[str, float] = Field(default_factory=dict)


def claims(caller: Caller) -> dict[str, object]:
    """A caller as a history may keep it: claims, never a token."""
    return {
        "tenant": caller.tenant,
        "principal": caller.principal,
        "role": caller.role,
        "scopes": sorted(caller.scopes),
        "trace": caller.trace,
        "traceparent": telemetry.outgoing().get("traceparent", ""),
    }


def claimed(asked: Json) -> Caller:
    """The caller of a history."""
    return Caller(
        TenantId(asked["tenant"]), asked["principal"], asked["role"], frozenset(asked["scopes"]), asked["trace"]
    )


@dataclass(frozen=True)
class Step:
    """One activity of one run at work."""

    host: Host
    caller: Caller
    query_id: RunId
    query: Query
    run: Run
    key: str
    left: Handoffs
    stream: RunStream
    error: Problem | None = None

    @classmethod
    async def open(cls, host: Host, context: ActivityContext, asked: Json) -> Step:
        """The step that an activity's input names. Raises NotFoundError for a run without a record."""
        caller, query_id = claimed(asked), RunId(asked["query_id"])
        stored = await host.on.records.runs.get(caller.tenant, query_id)
        if stored is None:
            raise NotFoundError(f"there is no run {query_id!r}; ask the question again")
        return cls(
            host=host,
            caller=caller,
            query_id=query_id,
            query=Query.model_validate(stored.request),
            run=stored.run,
            key=f"{query_id}:{context.step}:{context.attempt}",
            left=Handoffs(host.on.blobs, caller.tenant, query_id),
            stream=RunStream(host, caller.tenant, query_id),
            error=Problem.model_validate(asked["error"]) if asked.get("error") else None,
        )

    async def publish(self, *events: RunEvent) -> None:
        """Tell the watchers."""
        await self.stream.publish(*events)

    async def tell(
        self, agent: str, status: StepStatus, message: str, attempt: int | None = None, **counts: int
    ) -> None:
        """Tell what an agent does."""
        update = AgentUpdate(agent=agent, status=status, message=message, attempt=attempt, counts=counts or None)
        await self.publish(update)

    async def warn(self, code: str, message: str) -> None:
        """Say that something was done in a simpler way, now and in the record."""
        notes = await self.notes()
        await self.left.leave("notes", notes.model_copy(update={"warnings": (*notes.warnings, message)}))
        await self.publish(WarningEvent(code=code, message=message))

    async def reset(self, reason: str) -> None:
        """Take back the text published so far."""
        await self.publish(Reset(reason=reason))

    async def show_sources(self, found: Found) -> None:
        """Show the passages before the first token."""
        await self.publish(sources_of(found.chunks))

    async def notes(self) -> Notes:
        """What was noted so far."""
        return await self.left.take("notes", Notes) or Notes()

    async def turns(self) -> tuple[Turn, ...]:
        """Earlier questions of the conversation with their answers, oldest first."""
        return await self.host.on.records.runs.turns(
            self.caller.tenant, self.caller.principal, self.run.conversation_id
        )

    async def need(self, name: str, kind: type[M]) -> M:
        """What an earlier step left. Raises InternalError when it is gone."""
        value = await self.left.take(name, kind)
        if value is None:
            raise InternalError(f"run {self.query_id} has lost its {name}; ask the question again")
        return value

    async def streamed(self, spec: SkillSpec[I, O], ask: I, key: str) -> AsyncGenerator[Token | Progress | O, None]:
        """Stream a skill; when its reader leaves before the result, the agent's task is cancelled too."""
        has_ended = False
        stream: AsyncGenerator[Token | Progress | O, None] = self.host.client.stream(spec, ask, self.caller, key=key)
        try:
            async with aclosing(stream) as items:
                async for item in items:
                    has_ended = isinstance(item, spec.output)
                    yield item
        except (asyncio.CancelledError, GeneratorExit):
            if not has_ended:
                with suppress(AgentRAGError):  # an agent that is away has nothing left to cancel
                    await asyncio.shield(self.host.client.cancel(spec, key, self.caller))
            raise

    async def ended(self) -> Run:
        """The run as it ends now, put together from what the steps left."""
        found, answer = await self.left.take("found", Found), await self.left.take("answer", Answer)
        cited, related = await self.left.take("cited", Cited), await self.left.take("related", FollowUps)
        notes = await self.notes()
        now = datetime.now(UTC)
        latency = {**notes.latency_ms, "total": (now - self.run.created_at).total_seconds() * 1000}
        return self.run.model_copy(
            update={
                "status": "failed" if self.error else "completed",
                "sources": sources_of(found.chunks).sources if found else (),
                "answer": answer.text if answer else "",
                "kind": answer.kind if answer else None,
                "model": answer.model if answer else None,
                "abstained": answer.abstained if answer else False,
                "usage": {"synthesis": answer.usage} if answer else dict[str, TokenUsage](),
                "citations": cited.citations if cited else (),
                "confidence": cited.confidence if cited else None,
                "related": related.questions if related else (),
                "warnings": (*notes.warnings, *(answer.warnings if answer else ())),
                "latency_ms": {name: round(value, 1) for name, value in latency.items()},
                "error": self.error,
                "finished_at": now,
            }
        )

    async def finish(self, run: Run) -> None:
        """Tell the watchers that the run has ended and clear what the steps left."""
        if run.error is not None:
            await self.publish(ErrorEvent(problem=run.error))
        await self.publish(done_of(run))
        await self.stream.end()
        await self.left.clear()


def question_step(host: Host, name: str, work: Callable[[Step], Awaitable[Json]]) -> Activity:
    """An activity that does one step of a run; what goes wrong becomes its outcome and never stops the workflow."""

    async def activity(context: ActivityContext, asked: Json) -> Json:
        with telemetry.continued(asked["traceparent"], f"run.{name}"):
            step = await Step.open(host, context, asked)
            started = time.perf_counter()
            try:
                outcome = await work(step)
            except AgentRAGError as error:
                outcome = {"ok": False, "error": error.problem(step.caller.trace).model_dump(mode="json")}
            except Exception:
                log.exception("step.crashed", step=name, query_id=step.query_id)
                fault = InternalError(f"the step {name!r} failed; the log has the reason under {step.caller.trace}")
                outcome = {"ok": False, "error": fault.problem(step.caller.trace).model_dump(mode="json")}
            await _note_time(step, name, (time.perf_counter() - started) * 1000)
        return outcome

    return activity


async def _note_time(step: Step, name: str, elapsed_ms: float) -> None:
    if name == "remember":
        return
    notes = await step.notes()
    await step.left.leave("notes", notes.model_copy(update={"latency_ms": {**notes.latency_ms, name: elapsed_ms}}))
