"""Pass on the spans of the OpenAI Agents SDK to OpenTelemetry, in place of the SDK's own exporter."""

from __future__ import annotations

from datetime import datetime
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode

from runtime.telemetry import tracer

_NAMES = ("name", "agent_name", "server", "to_agent")


class SpanBridge:
    """A trace processor of the SDK. It tells kinds, names, models and token counts, never what was read or written.

    The SDK calls it from any thread and goes by the methods alone, so this file need not import the SDK.
    """

    def __init__(self) -> None:
        self._open: dict[str, Span] = {}
        self._lock = Lock()

    def on_trace_start(self, run: Any) -> None:
        """Open a span under the one at hand."""
        self._put(run.trace_id, tracer.start_span(f"agents {run.name}"))

    def on_trace_end(self, run: Any) -> None:
        """Close it."""
        span = self._take(run.trace_id)
        if span is not None:
            span.end()

    def on_span_start(self, told: Any) -> None:
        """Open a span under its parent."""
        with self._lock:
            parent = self._open.get(told.parent_id or "") or self._open.get(told.trace_id)
        under = trace.set_span_in_context(parent) if parent is not None else None
        started = _nanoseconds(told.started_at)
        self._put(told.span_id, tracer.start_span(_title(told.span_data), context=under, start_time=started))

    def on_span_end(self, told: Any) -> None:
        """Close it, with what it used and whether it failed."""
        span = self._take(told.span_id)
        if span is None:
            return
        span.set_attributes(_facts(told.span_data))
        if told.error:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=_nanoseconds(told.ended_at))

    def shutdown(self) -> None:
        """Close what is still open."""
        with self._lock:
            left, self._open = list(self._open.values()), {}
        for span in left:
            span.end()

    def force_flush(self) -> None:
        """Nothing is held back here; OpenTelemetry's own processor batches."""

    def _put(self, key: str, span: Span) -> None:
        with self._lock:
            self._open[key] = span

    def _take(self, key: str) -> Span | None:
        with self._lock:
            return self._open.pop(key, None)


def _title(data: Any) -> str:
    named = next((str(getattr(data, field)) for field in _NAMES if getattr(data, field, None)), "")
    return f"agents {data.type} {named}".strip()


def _facts(data: Any) -> dict[str, str | int]:
    """Attributes by OpenTelemetry's names for generative AI."""
    facts: dict[str, str | int] = {}
    usage = getattr(data, "usage", None) or {}
    for field in ("input_tokens", "output_tokens"):
        if isinstance(usage.get(field), int):
            facts[f"gen_ai.usage.{field}"] = usage[field]
    model = getattr(data, "model", None)
    if model:
        facts["gen_ai.request.model"] = str(model)
    return facts


def _nanoseconds(moment: str | None) -> int | None:
    return int(datetime.fromisoformat(moment).timestamp() * 1_000_000_000) if moment else None
