"""Searches a second that one agent answers over MCP, at 1, 32, 50 and 200 clients at once.

`python -m tests.benchmarks.search [--calls 600]`: the retrieval agent over a small real index, with its store as in a
cluster of processes, asked what it has not been asked before, and what it remembers; and beside it an agent whose
search finds at once, which shows what the protocol path allows.
Every process and every client has its own connection; the measuring process shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2

from tests.benchmarks.callers import bare
from tests.benchmarks.measure import HERE, Act, Clock, Turn, machine, table
from tests.processes import AGENTRAG, free_port, process

CLIENTS = (1, 32, 50, 200)
TOPICS = ("filter", "valve", "roller", "motor", "belt", "switch", "pump", "guard", "lamp", "bearing")
NOTE = "The {topic} of machine {number} is checked every {number} hours; when it is worn, order part {topic}-{number}. "
DOCUMENTS = 40
QUESTIONS = [f"How often is the {topic} of machine {number} checked?" for number in range(1, 9) for topic in TOPICS]


def notes(number: int) -> str:
    """A document of a few pages."""
    topics = "\n\n".join(f"# {topic}\n\n" + NOTE.format(topic=topic, number=number) * 4 for topic in TOPICS)
    return f"# Machine {number}\n\n{topics}"


@asynccontextmanager
async def agents(folder: Path, documents: int) -> AsyncIterator[tuple[dict[str, str], Clock]]:
    """The retrieval agent with an index, and one that finds at once: their addresses, and their CPU clocks."""
    ports = {name: free_port() for name in ("retrieval", "ingestion", "at once")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    alone = {"AGENTRAG_DATA": str(folder), "AGENTRAG_LOG_LEVEL": "WARNING"}
    env = {**alone, "AGENTRAG_VECTORS_URL": f"store:{folder / 'vectors.sock'}"}
    async with AsyncExitStack() as stack:

        async def begun(name: str, *command: str, given: dict[str, str]) -> int:
            one = await stack.enter_async_context(process(*command, output=folder / f"{name}.log", **given))
            if name in urls:
                await one.answers(f"{urls[name]}/health/ready")
            return one.child.pid

        store = await begun("store", AGENTRAG, "serve", "store", given=alone)
        pids = {"store": store}
        for name in ("ingestion", "retrieval"):
            command = (AGENTRAG, "serve", name, "--port", str(ports[name]))
            pids[name] = await begun(name, *command, given=env)
        command = (sys.executable, "-m", "tests.benchmarks.backend", "plain", str(ports["at once"]))
        pids["at once"] = await begun("at once", *command, given=alone)
        async with httpx2.AsyncClient(trust_env=False, timeout=120) as http:
            for number in range(documents):
                given = {"filename": f"machine{number}.md", "text": notes(number)}
                await bare(http, f"{urls['ingestion']}/mcp", "ingest", given)()
        yield urls, Clock(pids)


def asking(http: httpx2.AsyncClient, url: str, tool: str, questions: Iterator[str]) -> Act:
    """A caller that goes from question to question."""

    async def act() -> None:
        await bare(http, url, tool, {"query": next(questions), "top_k": 5})()

    return act


def never_asked() -> Iterator[str]:
    """Questions that nobody has asked before, so that none is remembered."""
    for number, question in enumerate(itertools.cycle(QUESTIONS)):
        yield f"{question} Case {number}."


async def measured(calls: int, clients: Sequence[int] = CLIENTS, documents: int = DOCUMENTS) -> list[dict[str, object]]:
    """A row for each search and number of clients."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with agents(Path(folder), documents) as (urls, clock):
            own = (urls["retrieval"], ("retrieval", "store"))
            fresh = never_asked()
            searches = [
                ("hybrid_search, new questions", "hybrid_search", *own, fresh),
                ("keyword_search, new questions", "keyword_search", *own, fresh),
                ("hybrid_search, asked again", "hybrid_search", *own, itertools.cycle(QUESTIONS)),
                ("a search that finds at once", "search_0", urls["at once"], ("at once",), fresh),
            ]
            for (name, tool, url, names, questions), count in itertools.product(searches, clients):
                limits = httpx2.Limits(max_connections=count, max_keepalive_connections=count)
                async with httpx2.AsyncClient(trust_env=False, timeout=120, limits=limits) as http:
                    acts = [asking(http, f"{url}/mcp", tool, questions) for _ in range(count)]
                    await Turn().run(acts, clock, max(count, calls // 4))
                    turn = await Turn().run(acts, clock, calls)
                rows.append(row(name, count, turn, names))
    return rows


def row(name: str, clients: int, turn: Turn, names: Sequence[str]) -> dict[str, object]:
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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=600)
    parser.add_argument("--clients", type=int, nargs="+", default=CLIENTS)
    given = parser.parse_args()
    print(f"{DOCUMENTS} documents, on {machine()}")
    print(table(asyncio.run(measured(given.calls, given.clients))))


if __name__ == "__main__":
    main()
