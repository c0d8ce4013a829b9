"""Logs, spans and metrics of one process. Nothing leaves the machine unless a setting names the place."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import structlog
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from prometheus_client import Counter, Histogram
from structlog.stdlib import ProcessorFormatter

from runtime.settings import Settings

INVOCATIONS = Counter("agent_invocations_total", "Calls of skills", ["agent", "skill", "outcome"])
LATENCY = Histogram(
    "query_latency_seconds",
    "Time that calls of skills took",
    ["agent", "skill"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
TOKENS = Counter("token_usage_total", "Tokens read and written by models", ["agent", "model", "direction"])
CACHE_LOOKUPS = Counter("cache_lookups_total", "Look-ups in caches", ["cache", "outcome"])

tracer = trace.get_tracer("agentrag")

os.environ.setdefault("FASTMCP_LOG_ENABLED", "false")  # its own handlers would write beside ours


def trace_id() -> str:
    """The 32-digit hex id of the trace at hand, empty outside of one."""
    context = trace.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def incoming(headers: Mapping[str, str]) -> Context:
    """The trace context that a request's headers carry. Source: W3C Trace Context."""
    return propagate.extract(headers)


def outgoing() -> dict[str, str]:
    """Headers that carry the trace at hand to the next process."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def continued(traceparent: str, name: str) -> Iterator[None]:
    """A span in a trace that began elsewhere, perhaps in a process that is gone; in the one at hand if it is none."""
    told = incoming({"traceparent": traceparent})
    is_trace = trace.get_current_span(told).get_span_context().is_valid
    with tracer.start_as_current_span(name, context=told if is_trace else None):
        yield


def told(headers: Mapping[str, str], meta: Mapping[str, Any]) -> AbstractContextManager[None]:
    """The trace that the `_meta` of an MCP request names, unless its headers named one.

    Source: MCP 2026-07-28, basic protocol, `traceparent` in `_meta`.
    """
    traceparent = meta.get("traceparent")
    if "traceparent" in headers or not isinstance(traceparent, str):
        return nullcontext()
    return continued(traceparent, "mcp.request")


def configure(service: str, settings: Settings) -> None:
    """Set up logs and spans for this process; again replaces what was set up before."""
    _configure_logs(service, settings.log_level)
    _configure_spans(service, settings.otlp_endpoint)


def _add_trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event.setdefault("trace_id", trace_id())
    return event


def _configure_logs(service: str, level: str) -> None:
    def add_service(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        add_service,
        _add_trace,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
    ]
    structlog.configure(
        processors=[*shared, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "fastmcp", "mcp", "a2a"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    for name in ("uvicorn.access", "httpx", "httpx2", "httpcore", "mcp", "sse_starlette", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, getattr(logging, level)))


def _configure_spans(service: str, endpoint: str | None) -> None:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    if endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    trace.set_tracer_provider(provider)
