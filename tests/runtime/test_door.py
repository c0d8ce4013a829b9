"""The door: what goes wrong behind it is a problem, unless the response has begun."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from runtime.auth import Keyring
from runtime.door import Door, problem_response
from runtime.errors import AgentUnavailableError, RateLimitError
from runtime.settings import Settings


def client(tmp_path: Path, app: object) -> httpx.AsyncClient:
    """A client of an app behind a door."""
    door = Door(app, name="toy", settings=Settings(data=tmp_path), keyring=Keyring("k" * 40), max_body_bytes=100)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://127.0.0.1")


async def test_a_crash_is_a_problem_that_tells_the_trace_and_no_more(tmp_path: Path) -> None:
    async def crash(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a secret detail")

    async with client(tmp_path, crash) as http:
        answer = await http.get("/anything")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.headers["x-trace-id"] in answer.json()["detail"]
    assert "secret" not in answer.text


async def test_a_response_that_has_begun_is_cut_off(tmp_path: Path) -> None:
    async def cut(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("too late")

    async with client(tmp_path, cut) as http:
        with pytest.raises(ValueError, match="too late"):
            await http.get("/anything")


def test_a_problem_says_when_to_come_again() -> None:
    assert problem_response(AgentUnavailableError("it is away"), "/x").headers["retry-after"] == "2"
    assert problem_response(RateLimitError("too often", retry_after_s=17), "/x").headers["retry-after"] == "17"
    assert "retry-after" not in problem_response(RateLimitError("too often"), "/x").headers
