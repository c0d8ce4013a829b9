"""Questions over HTTP: ask, read, follow, cancel."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from hosts.orchestrator import runs
from hosts.orchestrator.operations import Exchange, Operation, body_of
from hosts.orchestrator.routes.sse import streamed
from hosts.orchestrator.stream import RunStream
from schemas.event import Done
from schemas.message import Message
from schemas.query import Query, Run
from schemas.skills import ASK_QUESTIONS


def wants_json(accept: str) -> bool:
    """Whether the Accept header asks for JSON outright; anything else gets the stream."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return "application/json" in kinds and "text/event-stream" not in kinds


def shown(message: Message, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """A message as JSON."""
    return JSONResponse(message.model_dump(mode="json"), status, headers)


async def ask(exchange: Exchange) -> Response:
    """Begin a run and stream it, or wait for its end when JSON is asked for."""
    host, caller, request = exchange.host, exchange.caller, exchange.request
    query = await body_of(request, Query)
    run = await runs.begin(host, caller, query)
    headers = {"Location": f"/v1/queries/{run.query_id}"}
    if "respond-async" in request.headers.get("prefer", ""):
        return shown(run, 202, headers)
    if wants_json(request.headers.get("accept", "*/*")):
        return shown(await runs.finished(host, caller, run.query_id), 200, headers)
    return streamed(RunStream(host, caller.tenant, run.query_id).read(), ends=True, headers=headers)


async def read(exchange: Exchange) -> Response:
    """A run as it stands."""
    return shown(await runs.get(exchange.host, exchange.caller, exchange.part("query_id")))


async def follow(exchange: Exchange) -> Response:
    """The events of a run, from the start or after `Last-Event-ID`."""
    run = await runs.get(exchange.host, exchange.caller, exchange.part("query_id"))
    after = exchange.request.headers.get("last-event-id")
    stream = RunStream(exchange.host, exchange.caller.tenant, run.query_id)
    return streamed(stream.read(after), ends=True)


async def cancel(exchange: Exchange) -> Response:
    """End a run."""
    return shown(await runs.cancel(exchange.host, exchange.caller, exchange.part("query_id")))


OPERATIONS = [
    Operation("POST", "/v1/queries", "ask", "Ask a question", ask, ASK_QUESTIONS, Query, Run, event=Done),
    Operation("GET", "/v1/queries/{query_id}", "read_query", "Read a run", read, ASK_QUESTIONS, result=Run),
    Operation(
        "GET", "/v1/queries/{query_id}/events", "follow_query", "Follow a run", follow, ASK_QUESTIONS, event=Done
    ),
    Operation("POST", "/v1/queries/{query_id}/cancel", "cancel_query", "End a run", cancel, ASK_QUESTIONS, result=Run),
]
