"""Runs: begin a question, wait for it, cancel it. A run is detached from whoever asked."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from hosts.orchestrator import query as workflow
from hosts.orchestrator.handoff import Handoffs
from hosts.orchestrator.host import Host
from hosts.orchestrator.steps import claims
from hosts.orchestrator.stream import RunStream, done_of
from runtime import telemetry
from runtime.caller import Caller
from runtime.errors import NotFoundError
from runtime.records.contract import StoredRun
from schemas.message import RunId
from schemas.query import Query, Run


def new_id(seed: str = "") -> str:
    """An id for a run: a new one, or that of `seed` (hex digits) when the same request may come again."""
    return f"q_{(seed or uuid.uuid4().hex)[:20]}"


async def begin(host: Host, caller: Caller, query: Query, query_id: str = "") -> Run:
    """Record a run and start its workflow; returns at once. One that is there already goes on as it is."""
    query_id = query_id or new_id()
    known = await host.on.records.runs.get(caller.tenant, RunId(query_id))
    run = await _recorded(host, caller, query, query_id) if known is None else known.run
    if run.status == "running":
        await host.on.durable.start(workflow.NAME, query_id, {**claims(caller), "query_id": query_id})
    return run


async def _recorded(host: Host, caller: Caller, query: Query, query_id: str) -> Run:
    run = Run(
        query_id=query_id,
        conversation_id=query.conversation_id or f"conv_{uuid.uuid4().hex[:20]}",
        query=query.query,
        status="running",
        trace_id=caller.trace or telemetry.trace_id(),
        created_at=datetime.now(UTC),
    )
    request = query.model_dump(mode="json")
    await host.on.records.runs.begin(StoredRun(caller.tenant, caller.principal, run, request))
    await RunStream(host, caller.tenant, query_id).publish()
    return run


async def get(host: Host, caller: Caller, query_id: str) -> Run:
    """A run of the caller's own. Raises NotFoundError."""
    stored = await host.on.records.runs.get(caller.tenant, RunId(query_id))
    if stored is None or (stored.principal != caller.principal and caller.role != "admin"):
        raise NotFoundError(f"there is no query {query_id!r}; ids start with q_ and come from POST /v1/queries")
    return stored.run


async def finished(host: Host, caller: Caller, query_id: str) -> Run:
    """The run once it has ended."""
    await host.on.durable.wait(query_id)
    return await get(host, caller, query_id)


async def cancel(host: Host, caller: Caller, query_id: str) -> Run:
    """End a run; the model's stream is closed. An ended run stays as it is."""
    run = await get(host, caller, query_id)
    if run.status != "running":
        return run
    await host.on.durable.cancel(query_id)
    ended = run.model_copy(update={"status": "cancelled", "finished_at": datetime.now(UTC)})
    if await host.on.records.runs.finish(caller.tenant, ended):
        stream = RunStream(host, caller.tenant, query_id)
        await stream.publish(done_of(ended))
        await stream.end()
        await Handoffs(host.on.blobs, caller.tenant, query_id).clear()
    return await get(host, caller, query_id)
