"""Operations: one table of what the HTTP API offers, from which its routes are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hosts.orchestrator.host import Host
from runtime import telemetry
from runtime.caller import Caller
from runtime.door import problem_response
from runtime.errors import (
    AgentRAGError,
    InternalError,
    InvalidInputError,
    MalformedRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from runtime.invocation import invalid
from schemas.message import Message

log = structlog.get_logger()


@dataclass(frozen=True)
class Exchange:
    """One request on its way through an operation."""

    host: Host
    caller: Caller
    request: Request

    def part(self, name: str) -> str:
        """A part of the path."""
        value: str = self.request.path_params[name]
        return value

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number of the query string. Raises InvalidInputError with its limits."""
        given = self.request.query_params.get(name)
        if given is None:
            return default
        if not given.isdigit() or not least <= int(given) <= most:
            raise InvalidInputError(f"{name} is {given[:20]!r}; give a whole number from {least} to {most}")
        return int(given)


M = TypeVar("M", bound=Message)
Handler = Callable[[Exchange], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """One thing the API offers. `body`, `result` and `event` are the messages that go in, come out, and stream."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    scopes: frozenset[str] = frozenset()
    body: type[Message] | None = None
    result: type[Message] | None = None
    event: type[Message] | None = None
    status: int = 200


async def body_of(request: Request, kind: type[M]) -> M:
    """The JSON body as a message. Raises MalformedRequestError or InvalidInputError that names each faulty field."""
    try:
        raw = await request.json()
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedRequestError(f"the body is not JSON: {str(error)[:200]}; send application/json") from error
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise invalid(error, f"the body is not a {kind.__name__}") from error


def route(operation: Operation, host: Host) -> Route:
    """The Starlette route of an operation: scopes before, problems after."""

    async def endpoint(request: Request) -> Response:
        try:
            caller: Caller = request.scope["caller"]
            caller.require(operation.scopes)
            return await operation.handler(Exchange(host, caller, request))
        except AgentRAGError as error:
            return problem_response(error, request.url.path)
        except HTTPException:
            raise
        except Exception:
            log.exception("operation.crashed", operation=operation.name)
            trace = telemetry.trace_id()
            fault = InternalError(f"{operation.name} failed; the log has the reason under trace {trace}")
            return problem_response(fault, request.url.path)

    return Route(operation.path, endpoint, methods=[operation.method], name=operation.name)


async def unknown_path(request: Request, error: Exception) -> Response:
    """A 404 or 405 of the router, as a problem."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    path = request.url.path
    if status == 405:
        return problem_response(MethodNotAllowedError(f"{request.method} is not possible at {path[:200]!r}"), path)
    return problem_response(NotFoundError(f"there is nothing at {path[:200]!r}; the API is below /v1"), path)
