"""The one wrapper around every skill: validation, scopes, deadline, span, usage row, metrics, log, coalesced tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import structlog
from opentelemetry.trace import SpanKind, Status, StatusCode
from pydantic import ValidationError

from runtime import telemetry
from runtime.backends import Backends
from runtime.call import BoundSkill, Call, Emit, Stop, silence
from runtime.caller import Caller, become
from runtime.errors import AgentRAGError, DeadlineError, InternalError, InvalidInputError
from runtime.records.contract import UsageRecord
from runtime.settings import Settings
from schemas.answer import TokenUsage
from schemas.message import Message
from schemas.problem import Flaw
from schemas.skills import Progress, Token

log = structlog.get_logger()

COALESCE_SECONDS = 0.025
COALESCE_CHARS = 256
GATHER_SECONDS = 0.2
"""How long usage rows are gathered before they are written."""


class Coalescer:
    """Pass the first token on at once, then gather what comes within 25 ms or 256 characters into one."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._held: list[str] = []
        self._chars = 0
        self._last = float("-inf")
        self._timer: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, item: Token | Progress) -> None:
        """Take one item; what was emitted before it leaves before it."""
        if isinstance(item, Progress):
            await self.flush()
            await self._emit(item)
            return
        self._held.append(item.content)
        self._chars += len(item.content)
        if self._chars >= COALESCE_CHARS or time.monotonic() - self._last >= COALESCE_SECONDS:
            await self.flush()
        elif self._timer is None or self._timer.done():
            self._timer = asyncio.create_task(self._flush_later())

    async def _flush_later(self) -> None:
        await asyncio.sleep(COALESCE_SECONDS)
        await self._flush_held()

    async def _flush_held(self) -> None:
        async with self._lock:
            if not self._held:
                return
            content, self._held, self._chars = "".join(self._held), [], 0
            self._last = time.monotonic()
            await self._emit(Token(content=content))

    async def flush(self) -> None:
        """Emit what is held, after what the timer may be emitting; a timer that only sleeps is not needed any more."""
        if self._timer is not None and not self._lock.locked():
            self._timer.cancel()
            self._timer = None
        await self._flush_held()


def parse_input(bound: BoundSkill, raw: Mapping[str, Any]) -> Message:
    """The skill's input from JSON. Raises InvalidInputError that names each faulty field."""
    try:
        parsed: Message = bound.spec.input.model_validate(raw)
    except ValidationError as error:
        raise invalid(error, f"{bound.spec.name} cannot take this input") from error
    return parsed


def invalid(error: ValidationError, what: str) -> InvalidInputError:
    """Word pydantic's findings for a caller."""
    flaws = [
        Flaw(pointer="/" + "/".join(str(part) for part in found["loc"]), detail=found["msg"])
        for found in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    listed = "; ".join(f"{flaw.pointer}: {flaw.detail}" for flaw in flaws[:5])
    return InvalidInputError(f"{what}: {listed}", flaws=flaws)


class Invoker:
    """Calls the skills of one agent."""

    def __init__(self, agent: str, on: Backends, settings: Settings | None = None) -> None:
        self._agent = agent
        self._on = on
        self._settings = settings
        self._rows: list[UsageRecord] = []
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def invoke(
        self,
        bound: BoundSkill,
        raw: Mapping[str, Any],
        caller: Caller,
        *,
        emit: Emit = silence,
        key: str = "",
        stop: Stop | None = None,
    ) -> Message:
        """Call a skill with JSON input and return its output; `stop` says why, should this be cancelled.

        Raises: AgentRAGError of every kind; a fault of ours becomes InternalError that leaks nothing.
        """
        become(caller)
        started = time.perf_counter()
        outcome, result = "completed", None
        name = f"{self._agent}.{bound.spec.id}"
        with telemetry.tracer.start_as_current_span(name, kind=SpanKind.INTERNAL, record_exception=False) as span:
            span.set_attribute("agentrag.tenant", caller.tenant)
            try:
                result = await self._run(bound, raw, caller, emit, key, stop or Stop())
            except AgentRAGError as error:
                outcome = error.code
                span.set_status(Status(StatusCode.ERROR, error.code))
                raise
            except asyncio.CancelledError:
                outcome = "cancelled"
                raise
            except Exception as error:
                outcome = InternalError.code
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                log.exception("skill.crashed", agent=self._agent, skill=bound.spec.id)
                trace = telemetry.trace_id()
                raise InternalError(f"{name} failed; the log has the reason under trace {trace}") from error
            finally:
                self._account(bound, caller, outcome, result, (time.perf_counter() - started) * 1000)
        return result

    async def _run(
        self, bound: BoundSkill, raw: Mapping[str, Any], caller: Caller, emit: Emit, key: str, stop: Stop
    ) -> Message:
        caller.require(bound.spec.scopes)
        ask = parse_input(bound, raw)
        seconds = caller.remaining(bound.spec.timeout.total_seconds())
        gather = Coalescer(emit)
        try:
            async with asyncio.timeout(seconds):
                call = Call(caller.within(seconds), self._on, gather, key, self._settings, stop)
                result: Message = await bound.function(ask, call)
                await gather.flush()
        except TimeoutError as error:
            raise DeadlineError(
                f"{bound.spec.name} did not end within {seconds:.1f} s; ask for less or allow more time"
            ) from error
        return result

    def _account(
        self, bound: BoundSkill, caller: Caller, outcome: str, result: Message | None, duration_ms: float
    ) -> None:
        skill = bound.spec.id
        usage = getattr(result, "usage", None)
        tokens = usage if isinstance(usage, TokenUsage) else TokenUsage()
        model = str(getattr(result, "model", None) or "")
        telemetry.INVOCATIONS.labels(self._agent, skill, outcome).inc()
        telemetry.LATENCY.labels(self._agent, skill).observe(duration_ms / 1000)
        if model:
            telemetry.TOKENS.labels(self._agent, model, "input").inc(tokens.input_tokens)
            telemetry.TOKENS.labels(self._agent, model, "output").inc(tokens.output_tokens)
        log.info("skill.ended", agent=self._agent, skill=skill, outcome=outcome, duration_ms=round(duration_ms, 1))
        self._rows.append(
            UsageRecord(
                at=datetime.now(UTC),
                tenant=caller.tenant,
                principal=caller.principal,
                agent=self._agent,
                skill=skill,
                outcome=outcome,
                duration_ms=duration_ms,
                trace=telemetry.trace_id() or caller.trace,
                model=model,
                input_tokens=tokens.input_tokens,
                output_tokens=tokens.output_tokens,
            )
        )
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_rows())

    async def _write_rows(self) -> None:
        """Write rows in groups; a database that is away costs usage rows, never an answer."""
        while self._rows:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), GATHER_SECONDS)
            await self._write_now()

    async def _write_now(self) -> None:
        rows, self._rows = self._rows, []
        if not rows:
            return
        try:
            await self._on.records.usage.add(rows)
        except Exception:  # usage is accounted best effort, the log says when it was lost
            log.exception("usage.lost", rows=len(rows))

    async def close(self) -> None:
        """Write the last rows."""
        self._closing.set()
        if self._writer is not None:
            await self._writer
        self._closing.clear()
