"""Routing: one route per path, made from the table; around each handler stand limits, scopes, tags and problems."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hosts.orchestrator.host import Host
from hosts.orchestrator.limits import limit_of, spend
from hosts.orchestrator.operations import Exchange, Operation
from hosts.orchestrator.parameters import Seen, read
from hosts.orchestrator.representation import revalidated, without_body
from runtime import telemetry
from runtime.caller import Caller
from runtime.door import problem_response
from runtime.errors import AgentRAGError, InternalError, MethodNotAllowedError, NotFoundError

log = structlog.get_logger()


def routes(operations: Iterable[Operation], host: Host) -> list[Route]:
    """The routes of all operations that have a handler."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        if operation.handler is not None:
            paths.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, known, host) for path, known in paths.items()]


def _route(path: str, known: Mapping[str, Operation], host: Host) -> Route:
    methods = sorted({*known, "OPTIONS", *({"HEAD"} if "GET" in known else ())})

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(methods)})
        if request.method == "HEAD":
            return without_body(await answered(known["GET"], host, request))
        return await answered(known[request.method], host, request)

    return Route(path, endpoint, methods=methods)


async def answered(operation: Operation, host: Host, request: Request) -> Response:
    """The response of an operation: within limits, for those who may, tagged, and a problem when it goes wrong."""
    said: dict[str, str] = {}
    try:
        response = await _handled(operation, host, request, said)
    except AgentRAGError as error:
        response = problem_response(error, request.url.path)
    except ClientDisconnect:
        response = Response(status_code=400)  # nobody is there to read it
    except Exception:
        log.exception("operation.crashed", operation=operation.name)
        trace = telemetry.trace_id()
        fault = InternalError(f"{operation.name} failed; the log has the reason under trace {trace}")
        response = problem_response(fault, request.url.path)
    response.headers.update(said)
    return response


async def _handled(operation: Operation, host: Host, request: Request, said: dict[str, str]) -> Response:
    if operation.handler is None:
        raise InternalError(f"{operation.name} is served by the agent itself; it has no handler here")
    if not operation.is_public:
        caller: Caller = request.scope["caller"]
        limit = limit_of(host.settings)
        if limit:
            allowance = await spend(host.on.live, caller, limit, time.time())
            said.update(allowance.headers())
            allowance.require()
        caller.require(operation.scopes)
    given = read(operation.parameters, request)
    response = await operation.handler(Exchange(host, request, given))
    if isinstance(given, Seen) and isinstance(response, JSONResponse):
        return revalidated(response, given.if_none_match)
    return response


async def unknown_path(request: Request, error: Exception) -> Response:
    """A 404 or 405 of the router, as a problem; 405 tells what is allowed."""
    path = request.url.path
    if not isinstance(error, HTTPException) or error.status_code != 405:
        return problem_response(NotFoundError(f"there is nothing at {path[:200]!r}; the API is below /v1"), path)
    allowed = ", ".join(sorted(part.strip() for part in (error.headers or {}).get("Allow", "").split(",")))
    fault = MethodNotAllowedError(f"{request.method[:20]} is not possible at {path[:200]!r}; {allowed} are")
    response = problem_response(fault, path)
    response.headers["Allow"] = allowed
    return response
