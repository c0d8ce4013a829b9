"""Batches over HTTP: many short texts in one request, told line by line what became of each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from starlette.responses import Response, StreamingResponse

from hosts.orchestrator.batch import Batch, ingested
from hosts.orchestrator.operations import NDJSON, Exchange, Lines, Operation, Reply
from hosts.orchestrator.parameters import Parameters
from hosts.orchestrator.routes.documents import TAG
from runtime.errors import UnsupportedMediaError
from schemas.skills import WRITE_DOCUMENTS, BatchOutcome, BatchText


async def create(exchange: Exchange[Parameters]) -> Response:
    """Make many short texts searchable: one JSON object a line comes in, one with its outcome goes out, in order.

    All lines are checked before any is ingested; then the response follows the work. A text that is refused or fails
    stops no other. Sending a batch again is safe: what is known already is not taken twice.
    """
    if exchange.media_type != NDJSON:
        raise UnsupportedMediaError(
            f"the body is {exchange.media_type or 'of no type'!r}; send {NDJSON}, a text a line"
        )
    async with AsyncExitStack() as stack:
        batch = stack.enter_context(Batch.spooled())
        await batch.fill(exchange.request.stream())
        kept = stack.pop_all()
    host, caller = exchange.host, exchange.caller

    async def lines() -> AsyncIterator[str]:
        async with kept:
            async for outcome in ingested(host, caller, batch):
                yield outcome.model_dump_json(exclude_none=True) + "\n"

    return StreamingResponse(lines(), media_type=NDJSON)


OPERATIONS = [
    Operation(
        "POST",
        "/v1/documents/batch",
        "create_batch",
        "Hand in many short texts",
        create,
        [Reply("What became of each line.", lines=BatchOutcome)],
        TAG,
        bodies={NDJSON: Lines(BatchText)},
        scopes=WRITE_DOCUMENTS,
        raises=(UnsupportedMediaError,),
    ),
]
