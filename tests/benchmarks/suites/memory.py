"""A lone ingestion agent at work: memory of it and all its children, seconds, fairness, and gaps of its event loop.

Its store and the processes that read files are its children. Memory counts once what they share.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastmcp import Client

from runtime import intake, telemetry
from runtime.backends import Backends
from runtime.caller import Caller
from servers.ingestion.settings import IngestionSettings
from tests.benchmarks.agents import at_work
from tests.benchmarks.callers import REVISION
from tests.benchmarks.corpus import made_pdf
from tests.benchmarks.plan import Plan
from tests.benchmarks.processes import cpu_seconds, shared_once_mb, watched
from tests.benchmarks.report import Bar, Report, Row
from tests.benchmarks.texts import DEFAULT

AGENT = "ingestion"
MOST_MB, MOST_SECONDS, MOST_GAP_SECONDS = 512, 5, 0.05
AT_ONCE, MOST_UNFAIR = 10, 2
LONGEST_SECONDS = 1200.0


@dataclass
class Made:
    """A document that was made: seconds, chunks, and when something was told of its progress."""

    seconds: float = 0.0
    chunks: int = 0
    told: list[float] = field(default_factory=list)


async def handed_in(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Keep files as the host does; the ids of their documents."""
    settings = IngestionSettings(data=folder, log_level="ERROR", _env_file=None)
    telemetry.configure("benchmarks", settings)
    on = Backends(settings)
    await on.open(("records", "blobs"))
    try:
        tenant = Caller.owner().tenant
        kept = [await intake.accept(tenant, path.name, path.read_bytes(), on, settings) for path in paths]
        return [document.doc_id for document, _ in kept]
    finally:
        await on.close()


async def ingested(url: str, doc_id: str) -> Made:
    """Ingest over MCP, listening to the progress. Raises RuntimeError unless it is completed."""
    made, begun = Made(), time.perf_counter()

    async def progress(done: float, total: float | None, message: str | None) -> None:
        made.told.append(time.perf_counter() - begun)

    async with Client(f"{url}/mcp", mode=REVISION) as client:
        given = {"doc_id": doc_id}
        answer: Any = await client.call_tool("ingest", given, progress_handler=progress, timeout=LONGEST_SECONDS)
    document = answer.structured_content
    if document["status"] != "completed":
        raise RuntimeError(f"{doc_id} is {document['status']}: {document['error']}")
    made.seconds, made.chunks = time.perf_counter() - begun, document["chunks"]
    return made


async def measured(folder: Path, paths: Sequence[Path], what: str) -> Row:
    """Ingest files at once."""
    async with at_work(folder) as agents:
        url = await agents.serve(AGENT)
        doc_ids, pid = await handed_in(folder, paths), agents.pids[AGENT]
        gaps = await agents.gaps(AGENT)
        cpu, begun = cpu_seconds(pid), time.perf_counter()
        with watched(pid, shared_once_mb) as peak:
            made = await asyncio.gather(*(ingested(url, doc_id) for doc_id in doc_ids))
        seconds = [one.seconds for one in made]
        return {
            "what": what,
            "wall s": time.perf_counter() - begun,
            "CPU s": cpu_seconds(pid) - cpu,
            "peak MB": round(peak.mb),
            "chunks": sum(one.chunks for one in made),
            "first ready s": min(seconds),
            "last ready s": max(seconds),
            "least told": min(len(one.told) for one in made),
            "worst gap s": (await agents.gaps(AGENT)).worst_since(gaps),
        }


def run(plan: Plan) -> Report:
    """A huge document, a usual one, and ten at once."""
    huge, usual, small = plan.count(1600, 6), plan.count(50, 4), plan.count(30, 2)
    files = plan.scratch / "files"
    cases = {
        f"{huge} pages": [made_pdf(files, huge)],
        f"{usual} pages": [made_pdf(files, usual)],
        f"{AT_ONCE} times {small} pages": [made_pdf(files, small, seed) for seed in range(AT_ONCE)],
    }
    rows = [
        asyncio.run(measured(plan.scratch / f"memory-{number}", paths, what))
        for number, (what, paths) in enumerate(cases.items())
    ]
    large, middle, many = rows
    unfair = many["last ready s"] / many["first ready s"]
    gap = max(row["worst gap s"] for row in rows)
    bars = [
        Bar(f"peak MB, {huge} pages, shared memory once", large["peak MB"], "at most", MOST_MB),
        Bar(f"seconds, {usual} pages", middle["wall s"], "at most", MOST_SECONDS),
        Bar(f"{AT_ONCE} at once: last ready by first ready", unfair, "at most", MOST_UNFAIR),
        Bar(
            "worst gap of the agent's event loop, s",
            gap,
            "at most",
            MOST_GAP_SECONDS,
        ),
    ]
    about = f"reports of our own making, {DEFAULT}; a lone ingestion agent with all its children"
    return Report("memory", about, rows, bars)
