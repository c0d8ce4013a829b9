"""Questions over HTTP: ask, read, follow, cancel."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field
from starlette.responses import Response

from hosts.orchestrator import runs
from hosts.orchestrator.idempotency import Answered, Key, once
from hosts.orchestrator.operations import JSON, Events, Exchange, Operation, Reply
from hosts.orchestrator.parameters import PATH, At, Once, Parameters, Resumed, Seen, Unchanged
from hosts.orchestrator.representation import require_unchanged, shown
from hosts.orchestrator.routes.sse import CLOSING, streamed
from hosts.orchestrator.stream import RunStream
from runtime.errors import ConflictError, InProgressError, KeyReusedError
from schemas.event import RunEvent
from schemas.query import Query, Run
from schemas.skills import ASK_QUESTIONS

TAG = "Questions"
RUN_EVENTS = Events(get_args(get_args(RunEvent)[0]), closing=CLOSING)


class Ask(Once):
    """How an answer is to come."""

    prefer: Annotated[
        str,
        At("header", "Prefer"),
        Field(
            max_length=200, description="`respond-async`: 202 at once, without the answer.", examples=["respond-async"]
        ),
    ] = ""


class OneQuery(Parameters):
    """Names one question."""

    query_id: Annotated[
        str, PATH, Field(pattern="^[A-Za-z0-9_-]{1,64}$", description="Id of a question.", examples=["q_1f0c"])
    ]


class ReadQuery(OneQuery, Seen):
    """Names one question to read."""


class FollowQuery(OneQuery, Resumed):
    """Names one question to follow, and from where on."""


class ChangeQuery(OneQuery, Unchanged):
    """Names one question to change."""


def wants_json(accept: str) -> bool:
    """Whether the Accept header asks for JSON outright; anything else gets the stream."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return JSON in kinds and "text/event-stream" not in kinds


async def ask(exchange: Exchange[Ask]) -> Response:
    """Begin a run and stream its events, or wait for its end when `Accept` asks for JSON outright.

    The run goes on when the connection breaks: take its events up again at `Location`, or send the same request with
    the same `Idempotency-Key`. A cancel is a request of its own.
    """
    host, caller, request = exchange.host, exchange.caller, exchange.request
    query = await exchange.message(Query)
    key = Key.of(exchange.given.idempotency_key, exchange.line, query.model_dump_json())

    async def begin() -> Answered:
        run = await runs.begin(host, caller, query, runs.new_id(key.seed(caller)))
        return Answered.of(run, 202, f"/v1/queries/{run.query_id}")

    begun = await once(host.on, caller, key, begin)
    if "respond-async" in exchange.given.prefer:
        return begun.response()
    query_id, headers = begun.body["query_id"], {"Location": begun.location}
    if wants_json(request.headers.get("accept", "*/*")):
        return shown(await runs.finished(host, caller, query_id), 200, headers)
    return streamed(RunStream(host, caller.tenant, query_id).read(), ends=True, headers=headers)


async def read(exchange: Exchange[ReadQuery]) -> Response:
    """A run as it stands."""
    return shown(await runs.get(exchange.host, exchange.caller, exchange.given.query_id))


async def follow(exchange: Exchange[FollowQuery]) -> Response:
    """The events of a run, from the start or after `Last-Event-ID`; `reset` when those are no longer held."""
    run = await runs.get(exchange.host, exchange.caller, exchange.given.query_id)
    stream = RunStream(exchange.host, exchange.caller.tenant, run.query_id)
    return streamed(stream.read(exchange.given.last_event_id or None), ends=True)


async def cancel(exchange: Exchange[ChangeQuery]) -> Response:
    """End a run; one that has ended stays as it is."""
    run = await runs.get(exchange.host, exchange.caller, exchange.given.query_id)
    require_unchanged(run, exchange.given.if_match)
    return shown(await runs.cancel(exchange.host, exchange.caller, run.query_id))


OPERATIONS = [
    Operation(
        "POST",
        "/v1/queries",
        "ask",
        "Ask a question",
        ask,
        [
            Reply("The events of the run; or the run once it has ended.", 200, Run, RUN_EVENTS, headers=("Location",)),
            Reply("The run has begun.", 202, Run, headers=("Location",)),
        ],
        TAG,
        parameters=Ask,
        bodies={JSON: Query},
        examples={JSON: {"query": "What are the safety warnings?"}},
        scopes=ASK_QUESTIONS,
        raises=(KeyReusedError, InProgressError),
    ),
    Operation(
        "GET",
        "/v1/queries/{query_id}",
        "read_query",
        "Read a run",
        read,
        [Reply("The run.", message=Run)],
        TAG,
        parameters=ReadQuery,
        scopes=ASK_QUESTIONS,
    ),
    Operation(
        "GET",
        "/v1/queries/{query_id}/events",
        "follow_query",
        "Follow a run",
        follow,
        [Reply("The events.", events=RUN_EVENTS)],
        TAG,
        parameters=FollowQuery,
        scopes=ASK_QUESTIONS,
    ),
    Operation(
        "POST",
        "/v1/queries/{query_id}/cancel",
        "cancel_query",
        "End a run",
        cancel,
        [Reply("The run as it ended.", message=Run)],
        TAG,
        parameters=ChangeQuery,
        scopes=ASK_QUESTIONS,
        raises=(ConflictError,),
    ),
]
