"""The longest that an event loop keeps others waiting while files are ingested and questions asked over HTTP.

Once with the host, every agent and the store as processes of their own, once all in one as `agentrag up` has them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2

from tests.benchmarks.agents import UP, Agents, at_work
from tests.benchmarks.corpus import made_pdf
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row
from tests.benchmarks.texts import DEFAULT

AGENTS = ("retrieval", "ingestion", "synthesis", "citation", "monitoring")
HOST = "host"
MOST_SECONDS = 0.05
LONGEST_SECONDS = 600.0
REST_SECONDS = 0.5
QUESTION = "How often is the filter of unit {number} changed?"


async def apart(agents: Agents) -> str:
    """Start everything in a process of its own; return the host's address."""
    await agents.store()
    urls = [f"{name}={await agents.serve(name)}" for name in AGENTS]
    return await agents.serve(HOST, AGENTRAG_AGENTS=",".join(urls))


async def together(agents: Agents) -> str:
    """Start everything in one process; return its address."""
    return await agents.up()


async def handed_in(http: httpx2.AsyncClient, path: Path) -> None:
    """Upload a file and wait until it is there. Raises RuntimeError when it could not be ingested."""
    answer = await http.post("/v1/documents", files={"file": (path.name, path.read_bytes())})
    doc_id = answer.raise_for_status().json()["doc_id"]
    async with asyncio.timeout(LONGEST_SECONDS):
        while (document := (await http.get(f"/v1/documents/{doc_id}")).json())["status"] != "completed":
            if document["status"] == "failed":
                raise RuntimeError(f"{path.name}: {document['error']}")
            await asyncio.sleep(REST_SECONDS)


async def asked(http: httpx2.AsyncClient) -> None:
    """Ask one question after another, each for the first time, until cancelled."""
    number = 0
    while True:
        number += 1
        (await http.post("/v1/queries", json={"query": QUESTION.format(number=number)})).raise_for_status()
        await asyncio.sleep(REST_SECONDS)


async def measured(folder: Path, start: Any, paths: Sequence[Path], what: str) -> list[Row]:
    """A row for each process that serves."""
    async with at_work(folder) as agents:
        host = await start(agents)
        before = {name: await agents.gaps(name) for name in agents.urls}
        begun = time.perf_counter()
        async with httpx2.AsyncClient(base_url=host, trust_env=False, timeout=LONGEST_SECONDS) as http:
            asking = asyncio.create_task(asked(http))
            await asyncio.gather(*(handed_in(http, path) for path in paths))
            asking.cancel()
            wall = time.perf_counter() - begun
        gaps = {name: (await agents.gaps(name)).worst_since(gaps) for name, gaps in before.items()}
    return [{"files at once": what, "process": name, "wall s": wall, "worst gap s": gap} for name, gap in gaps.items()]


def run(plan: Plan) -> Report:
    """Ten files at once, both ways."""
    count, pages = plan.count(10, 2), plan.count(30, 2)
    paths = [made_pdf(plan.scratch / "gap-files", pages, seed) for seed in range(count)]
    what, rows = f"{count} of {pages} pages", []
    for name, start in (("apart", apart), (UP, together)):
        rows += asyncio.run(measured(plan.scratch / f"gaps-{name}", start, paths, what))
    bars = [Bar(f"worst gap s, {row['process']}", row["worst gap s"], "at most", MOST_SECONDS) for row in rows]
    return Report("gaps", f"{DEFAULT}; a question every {REST_SECONDS:g} s meanwhile", rows, bars)
