"""Searches a second that one agent answers over MCP, with 1 to 200 clients at once.

The retrieval agent over a small real index, with its store as in a cluster of processes, asked what it has not been
asked before, and what it remembers; and beside it an agent whose search finds at once, which shows what the protocol
path allows. Every client has its own connection; the measuring process shares the machine.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.agents import Agents, at_work
from tests.benchmarks.callers import asking, bare, connections
from tests.benchmarks.measure import HERE, Turn
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row

CLIENTS = (1, 32, 50, 200)
PROMISED_AT = 50
"""Clients at once with which a core answers `PROMISED` tool calls a second."""
PROMISED = 300
TOPICS = ("filter", "valve", "roller", "motor", "belt", "switch", "pump", "guard", "lamp", "bearing")
NOTE = "The {topic} of machine {number} is checked every {number} hours; when it is worn, order part {topic}-{number}. "
QUESTIONS = [f"How often is the {topic} of machine {number} checked?" for number in range(1, 9) for topic in TOPICS]
TOY = "at once"
FINDS_AT_ONCE = "a search that finds at once"


def notes(number: int) -> str:
    """A document of a few pages."""
    topics = "\n\n".join(f"# {topic}\n\n" + NOTE.format(topic=topic, number=number) * 4 for topic in TOPICS)
    return f"# Machine {number}\n\n{topics}"


async def begin(agents: Agents, documents: int) -> None:
    """The retrieval agent with an index, and one that finds at once."""
    await agents.store()
    await agents.serve("ingestion")
    await agents.serve("retrieval")
    await agents.toys([TOY])
    async with connections(1) as http:
        for number in range(documents):
            given = {"filename": f"machine{number}.md", "text": notes(number)}
            await bare(http, f"{agents.urls['ingestion']}/mcp", "ingest", given)()


def never_asked() -> Iterator[str]:
    """Questions that nobody has asked before, so that none is remembered."""
    for number, question in enumerate(itertools.cycle(QUESTIONS)):
        yield f"{question} Case {number}."


async def measured(folder: Path, calls: int, clients: Sequence[int], documents: int) -> list[Row]:
    """A row for each search and number of clients."""
    rows: list[Row] = []
    async with at_work(folder) as agents:
        await begin(agents, documents)
        own, fresh = (agents.urls["retrieval"], ("retrieval", "store")), never_asked()
        searches = [
            ("hybrid_search, new questions", "hybrid_search", *own, fresh),
            ("keyword_search, new questions", "keyword_search", *own, fresh),
            ("hybrid_search, asked again", "hybrid_search", *own, itertools.cycle(QUESTIONS)),
            (FINDS_AT_ONCE, "search_0", agents.urls[TOY], (TOY,), fresh),
        ]
        for (name, tool, url, names, questions), count in itertools.product(searches, clients):
            async with connections(count) as http:
                acts = [asking(http, url, tool, questions) for _ in range(count)]
                await Turn().run(acts, agents.clock, max(count, calls // 4))
                turn = await Turn().run(acts, agents.clock, calls)
            rows.append(_row(name, count, turn, names))
    return rows


def _row(name: str, clients: int, turn: Turn, names: Sequence[str]) -> Row:
    """One line of figures; `a core` is what one core would do, were it there for the agent alone."""
    cpu = turn.cpu_ms(names)
    return {
        "search": name,
        "clients": clients,
        "requests/s": turn.per_second,
        "median ms": turn.median_ms,
        "p95 ms": turn.p95_ms,
        "errors": len(turn.errors),
        "CPU ms": cpu,
        "of these store": turn.cpu_ms(["store"]) if "store" in names else 0.0,
        "a core, requests/s": 1000 / cpu,
        "client's CPU ms": turn.cpu_ms([HERE]),
    }


def run(plan: Plan) -> Report:
    """Ask with more and more clients."""
    clients = [2] if plan.is_quick else CLIENTS
    documents = plan.count(40, 2)
    rows = asyncio.run(measured(plan.scratch / "calls", plan.count(600, 4), clients, documents))
    bars = [Bar("calls that failed", sum(row["errors"] for row in rows), "at most", 0)]
    for row in rows:
        if (row["search"], row["clients"]) == (FINDS_AT_ONCE, PROMISED_AT):
            what = f"tool calls a second and core, {PROMISED_AT} clients"
            bars.append(Bar(what, row["a core, requests/s"], "at least", PROMISED))
    return Report("calls", f"{documents} documents of a few pages", rows, bars)
