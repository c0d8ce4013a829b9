"""How a model behind an OpenAI-compatible address is set up, and what it never does."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from runtime.errors import SettingsError
from runtime.models.openai import OpenAIAnswerer, worth_retrying
from runtime.settings import Settings
from tests.chatting import KEY, QUICK, Reply, asking, chatting, collected


def test_settings_name_the_address_the_model_and_the_key() -> None:
    settings = Settings(
        answers_url="openai:https://models.example/v1",
        answers_model="large",
        OPENAI_API_KEY=SecretStr(KEY),  # type: ignore[call-arg]
    )
    answerer = OpenAIAnswerer.from_settings(settings)
    assert (answerer.name, answerer.kind) == ("large", "generated")


@pytest.mark.parametrize(
    ("url", "model", "told"),
    [
        ("ftp://host/v1", "m", "openai:https://host/v1"),
        ("", "m", "openai:https://host/v1"),
        (f"https://me:{KEY}@host/v1", "m", "OPENAI_API_KEY"),
        ("https://host/v1", "", "answers_model"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_start(url: str, model: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        OpenAIAnswerer(url, model)
    assert KEY not in str(refused.value)


async def test_without_a_key_none_is_sent() -> None:
    async with chatting(Reply(["At 4 bar [0]."])) as endpoint:
        answerer = OpenAIAnswerer(endpoint.url, "small", None, QUICK)
        await collected(answerer)
        await answerer.close()
    assert "authorization" not in endpoint.headers[0]


@pytest.mark.parametrize(
    ("status", "code", "facts", "again"),
    [
        (429, None, {}, True),
        (503, None, {}, True),
        (None, None, {"broken": True}, True),
        (429, "insufficient_quota", {}, False),
        (503, None, {"advised": False}, False),
        (503, None, {"wait": 16.0}, False),
        (503, None, {"wait": 15.0}, True),
        (400, None, {}, False),
        (None, None, {}, False),
    ],
)
def test_only_what_may_pass_is_tried_again(
    status: int | None, code: str | None, facts: dict[str, Any], again: bool
) -> None:
    known: dict[str, Any] = {"broken": False, "advised": None, "wait": None, "longest_wait": 15.0, **facts}
    assert worth_retrying(status, code, **known) is again


# the SDK -------------------------------------------------------------------------------------------------------------


def test_the_sdk_is_loaded_on_demand_in_a_thread() -> None:
    script = """
        import asyncio, sys
        from runtime.models.openai import OpenAIAnswerer
        assert not {"agents", "openai"} & set(sys.modules), "loaded at import"

        async def main():
            answerer = OpenAIAnswerer("http://127.0.0.1:9/v1", "small")
            assert not {"agents", "openai"} & set(sys.modules), "loaded at start"
            warming = asyncio.create_task(answerer.warm())
            turns = 0
            while not warming.done():
                await asyncio.sleep(0)
                turns += 1
            await warming
            assert {"agents", "openai"} <= set(sys.modules)
            assert turns > 20, f"the loop had {turns} turns meanwhile"
            await answerer.close()

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


_CONNECTS: list[Any] = []
_WATCH = {"on": False}


def _hear(name: str, arguments: tuple[Any, ...]) -> None:
    if _WATCH["on"] and name in ("socket.connect", "socket.getaddrinfo"):
        _CONNECTS.append(arguments[1] if name == "socket.connect" else arguments[0])


async def test_nothing_but_the_model_is_called_and_spans_go_to_opentelemetry() -> None:
    sys.addaudithook(_hear)
    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        trace.set_tracer_provider(TracerProvider())
    provider, seen = trace.get_tracer_provider(), InMemorySpanExporter()
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(SimpleSpanProcessor(seen))
    async with chatting(Reply(["At 4 bar [0]."])) as endpoint, asking(endpoint) as answerer:
        _CONNECTS.clear()
        _WATCH["on"] = True
        await collected(answerer)
        from agents.tracing import get_trace_provider

        get_trace_provider().force_flush()
        _WATCH["on"] = False
    assert _CONNECTS
    places = {place[0] if isinstance(place, tuple) else place for place in _CONNECTS}
    assert {place.decode() if isinstance(place, bytes) else place for place in places} == {"127.0.0.1"}
    spans = {span.name: span for span in seen.get_finished_spans()}
    generation = next(span for name, span in spans.items() if name.startswith("agents generation"))
    assert generation.attributes is not None
    assert generation.attributes["gen_ai.usage.input_tokens"] == 11
    assert generation.attributes["gen_ai.request.model"] == "small"
    assert generation.parent is not None
    assert "valve" not in "".join(str(span.attributes) for span in spans.values())
