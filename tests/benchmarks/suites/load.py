"""Searches of a large index through the retrieval agent's own MCP tool, with 1, 8 and 32 clients at once.

A tenant has an index of its own, so a tenth of the chunks is a tenant that has so many; it is measured beside one that
has the rest, and then one that has them all. Agent and store are processes of their own; every question is a new one.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from runtime.models.embedded import MiniLM
from runtime.vectors.embedded import EmbeddedVectors
from schemas.message import DocumentId, TenantId, VersionId
from tests.benchmarks.agents import STORE, Agents, at_work
from tests.benchmarks.callers import asking, connections, request
from tests.benchmarks.measure import Turn
from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import rss_mb
from tests.benchmarks.report import Bar, Report, Row
from tests.benchmarks.synthetic import Base, mixtures, units
from tests.benchmarks.texts import DEFAULT, passages, questions

OWNER, OTHER = TenantId("local"), TenantId("other")
AGENT = "retrieval"
CLIENTS = (1, 8, 32)
TOP = 10
UPSERT = 2_000
AS_GOOD = 1e-5
"""Cosines that differ by less are equal."""


async def filled(folder: Path, base: Base, sizes: Mapping[TenantId, int]) -> None:
    """An index for each tenant."""
    embedder = MiniLM()
    store = await EmbeddedVectors.open(folder / "vectors")
    for seed, (tenant, size) in enumerate(sizes.items()):
        await store.ensure(tenant, embedder.fingerprint, embedder.dimension)
        made = units(base, dense(base, size, seed), seed)
        while batch := list(itertools.islice(made, UPSERT)):
            await store.upsert(tenant, batch)
        await store.seal(tenant, DocumentId("doc_0"), VersionId("version_0"))
    await store.close()


def dense(base: Base, size: int, seed: int = 0) -> Any:
    """The vectors of a tenant's chunks."""
    return mixtures(base.vectors, size, seed + 5)


async def recall(agents: Agents, rows: Any, asked: Sequence[str]) -> float:
    """The share of the truly nearest that `vector_search` finds."""
    embedder = MiniLM()
    wanted = await embedder.embed(asked)
    await embedder.close()
    right = 0
    async with connections(1) as http:
        for question, vector in zip(asked, wanted, strict=True):
            body, headers = request("vector_search", {"query": question, "top_k": TOP})
            answer = await http.post(f"{agents.urls[AGENT]}/mcp", content=body, headers=headers)
            found = [UUID(chunk["chunk_id"]).int for chunk in answer.json()["result"]["structuredContent"]["chunks"]]
            scores = rows @ vector
            right += sum(bool(scores[at] >= np.sort(scores)[-TOP] - AS_GOOD) for at in found)
    return right / (TOP * len(asked))


async def measured(folder: Path, sizes: Mapping[TenantId, int], base: Base, plan: Plan) -> list[Row]:
    """A row for each number of clients."""
    await filled(folder, base, sizes)
    calls = plan.count(400, 6)
    asked = questions(base.texts, plan.count(500, 6))
    async with at_work(folder) as agents:
        await agents.store()
        await agents.serve(AGENT)
        found = await recall(agents, dense(base, sizes[OWNER]), asked[: plan.count(50, 3)])
        fresh, rows = new(asked), []
        for count in CLIENTS:
            async with connections(count) as http:
                acts = [asking(http, agents.urls[AGENT], "hybrid_search", fresh) for _ in range(count)]
                await Turn().run(acts, agents.clock, max(count, calls // 8))
                turn = await Turn().run(acts, agents.clock, calls)
            held = f"{sizes[OWNER]} of {sum(sizes.values())}"
            rows.append({"tenant's chunks": held, **_row(agents, count, turn), f"recall@{TOP}": found})
    return rows


def _row(agents: Agents, clients: int, turn: Turn) -> Row:
    return {
        "clients": clients,
        "p50 ms": turn.median_ms,
        "p95 ms": turn.p95_ms,
        "p99 ms": turn.below_ms(0.99),
        "errors": len(turn.errors),
        "CPU ms": turn.cpu_ms((AGENT, STORE)),
        "of these store": turn.cpu_ms([STORE]),
        "agent's RSS MB": round(rss_mb(agents.pids[AGENT])),
        "store's": round(rss_mb(agents.pids[STORE])),
    }


def new(asked: Sequence[str]) -> Iterator[str]:
    """Questions that were not asked before, so that none is remembered."""
    for number, question in enumerate(itertools.cycle(asked)):
        yield f"{question} Case {number}."


def run(plan: Plan) -> Report:
    """Search as a tenant with a tenth of the chunks, and as one with all of them."""
    many, few = plan.count(100_000, 400), plan.count(10_000, 200)
    base = Base.of(passages(map(Path, plan.files), DEFAULT, plan.count(2_000, 30)))
    tenth = asyncio.run(measured(plan.scratch / "tenth", {OWNER: few, OTHER: many - few}, base, plan))
    whole = asyncio.run(measured(plan.scratch / "whole", {OWNER: many}, base, plan))
    bars = []
    for rows, held, most_ms in ((tenth, f"{few} of {many} chunks", 25), (whole, f"{many} chunks", None)):
        bars += [
            Bar(f"recall@{TOP}, a tenant with {held}", rows[0][f"recall@{TOP}"], "at least", 0.95),
            Bar(f"p95 ms, one client, a tenant with {held}", rows[0]["p95 ms"], "at most", most_ms),
        ]
    bars.append(Bar("calls that failed", sum(row["errors"] for row in [*tenth, *whole]), "at most", 0))
    return Report("load", f"{many} made chunks between real ones, {DEFAULT}", [*tenth, *whole], bars)
