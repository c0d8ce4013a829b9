"""What stands around handlers: whatever they raise becomes a problem, and nothing leaks."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from hosts.orchestrator.host import Host
from hosts.orchestrator.operations import Exchange, Operation
from hosts.orchestrator.parameters import Parameters
from hosts.orchestrator.representation import without_body
from hosts.orchestrator.routing import answered, routes
from runtime.errors import QuotaError

NOBODY = cast(Host, None)
"""Public operations of these tests use no host."""


def request(path: str = "/thing") -> Request:
    return Request(
        {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "path_params": {}}
    )


def raising(error: Exception) -> Operation:
    async def fail(_: Exchange[Parameters]) -> Response:
        raise error

    return Operation("GET", "/thing", "thing", "Fail", fail, (), "Test")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(QuotaError("5 of 5"), 429, "tenant.quota"), (ValueError("a secret detail"), 500, "internal")],
)
async def test_an_error_is_a_problem_without_secrets(error: Exception, status: int, code: str) -> None:
    response = await answered(raising(error), NOBODY, request())
    body: dict[str, Any] = json.loads(bytes(response.body))
    assert (response.status_code, body["code"], body["instance"]) == (status, code, "/thing")
    assert "secret" not in body["detail"]


async def test_a_client_that_left_is_no_fault_of_ours() -> None:
    assert (await answered(raising(ClientDisconnect()), NOBODY, request())).status_code == 400


async def test_what_the_agent_serves_itself_has_no_route_here() -> None:
    served = Operation("GET", "/health/live", "is_live", "Live", None, (), "Test")
    assert routes([served, raising(ValueError())], NOBODY)[0].path == "/thing"
    assert (await answered(served, NOBODY, request())).status_code == 500


def test_a_response_without_body_keeps_its_headers() -> None:
    whole = without_body(JSONResponse({"a": 1}, 201, {"ETag": '"t"'}))
    assert (whole.status_code, whole.body) == (201, b"")
    assert (whole.headers["content-length"], whole.headers["etag"]) == ("7", '"t"')
    assert "content-length" not in without_body(StreamingResponse(iter(()))).headers
