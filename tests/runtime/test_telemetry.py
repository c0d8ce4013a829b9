"""Logs are JSON with the fields that people search by; spans leave only for a place that a setting names."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runtime.settings import Settings
from runtime.telemetry import configure, continued, trace_id, tracer
from tests.serving import serving

SCRIPT = """
import logging, sys
import structlog
from runtime import telemetry
from runtime.settings import Settings
telemetry.configure("retrieval", Settings(data=sys.argv[1], otlp_endpoint=sys.argv[2] or None))
with telemetry.tracer.start_as_current_span("work"):
    structlog.get_logger().info("search.completed", chunks=5)
    logging.getLogger("uvicorn.error").warning("from %s", "elsewhere")
from opentelemetry import trace
trace.get_tracer_provider().shutdown()
"""


async def run(data: Path, endpoint: str) -> list[dict[str, object]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SCRIPT, str(data), endpoint, stderr=asyncio.subprocess.PIPE
    )
    _, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode == 0, err.decode()
    return [json.loads(line) for line in err.decode().splitlines()]


async def test_every_log_line_is_json_with_time_level_service_trace_and_message(tmp_path: Path) -> None:
    lines = await run(tmp_path, "")
    assert [line["message"] for line in lines] == ["search.completed", "from elsewhere"]
    for line in lines:
        assert line.keys() >= {"timestamp", "level", "service", "trace_id", "message"}
        assert line["service"] == "retrieval"
        assert len(str(line["trace_id"])) == 32
    assert lines[0]["chunks"] == 5
    assert lines[0]["trace_id"] == lines[1]["trace_id"]


async def test_spans_go_to_the_endpoint_that_is_set(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def collect(request: Request) -> Response:
        bodies.append(await request.body())
        return Response(status_code=200)

    async with serving(Starlette(routes=[Route("/v1/traces", collect, methods=["POST"])])) as url:
        await run(tmp_path, url)
    assert any(b"retrieval" in body and b"work" in body for body in bodies)


def test_work_goes_on_in_the_trace_that_is_named_and_in_the_one_at_hand_when_that_is_none() -> None:
    configure("tests", Settings(log_level="WARNING"))
    named = "4bf92f3577b34da6a3ce929d0e0e4736"
    with tracer.start_as_current_span("request"):
        at_hand = trace_id()
        with continued(f"00-{named}-00f067aa0ba902b7-01", "work"):
            assert trace_id() == named
        for nonsense in ("", "00-nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01"):
            with continued(nonsense, "work"):
                assert trace_id() == at_hand != named
