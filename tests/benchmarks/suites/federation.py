"""A federated call against the same call at its agent: time, CPU time, and how many requests reach the agents.

Three agents with six tools each and a host, every one a process of its own; direct and federated calls take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from fastmcp import Client

from tests.benchmarks.agents import at_work
from tests.benchmarks.callers import REVISION, bare, client
from tests.benchmarks.measure import HERE, Clock, Figures, Turn, taking_turns
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row
from tests.benchmarks.toy_agent import TOOLS

AGENTS = ("alpha", "beta", "gamma")
ARGUMENTS = {"query": "How often is the filter changed?", "top_k": 5}


@dataclass(frozen=True)
class Federation:
    """Where everything is."""

    host: str
    agents: dict[str, str]
    clock: Clock

    async def requests(self, http: httpx2.AsyncClient) -> int:
        """MCP requests that the agents got so far."""
        seen = [(await http.get(f"{url}/requests")).json() for url in self.agents.values()]
        return sum(sum(one.values()) for one in seen)


@asynccontextmanager
async def federation(folder: Path) -> AsyncIterator[Federation]:
    """Three agents and a host at work."""
    async with at_work(folder) as agents:
        await agents.toys(AGENTS)  # all of them before the host, which is ready once one has answered
        urls = dict(agents.urls)
        host = await agents.serve("host", AGENTRAG_AGENTS=",".join(f"{name}={url}" for name, url in urls.items()))
        yield Federation(host, urls, agents.clock)


async def measured(folder: Path, turns: int, calls: int) -> tuple[dict[str, Figures], float]:
    """Figures of each case, and requests at the agents for each federated call."""
    async with federation(folder) as at, httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        tool = f"search_{TOOLS - 1}"
        direct, federated = f"{at.agents['beta']}/mcp", f"{at.host}/mcp"
        async with Client(direct, mode=REVISION) as near, Client(federated, mode=REVISION) as far:
            cases = {
                "client, direct": client(near, tool, ARGUMENTS),
                "client, federated": client(far, f"beta_{tool}", ARGUMENTS),
                "bare request, direct": bare(http, direct, tool, ARGUMENTS),
                "bare request, federated": bare(http, federated, f"beta_{tool}", ARGUMENTS),
            }
            figures = await taking_turns(cases, at.clock, turns=turns, calls=calls)
            before = await at.requests(http)
            for _ in range(calls):
                await cases["bare request, federated"]()
            return figures, (await at.requests(http) - before) / calls


def run(plan: Plan) -> Report:
    """Call both ways in turns."""
    calls = plan.count(20, 3)
    figures, requests = asyncio.run(measured(plan.scratch / "federation", plan.count(15, 1), calls))
    bars = [Bar("requests at the agents for a federated call", requests, "at most", 1)]
    for caller in ("client", "bare request"):
        far, near = figures[f"{caller}, federated"], figures[f"{caller}, direct"]
        bars.append(Bar(f"federated by direct, {caller}: median", far.ratio(near, lambda turn: turn.median_ms)))
        bars.append(Bar(f"federated by direct, {caller}: CPU", far.ratio(near, Turn.cpu_ms)))
    about = f"{len(AGENTS)} agents with {TOOLS} tools each and a host; {calls} calls in a turn"
    return Report("federation", about, [_row(name, one.whole()) for name, one in figures.items()], bars)


def _row(name: str, whole: Turn) -> Row:
    return {
        "call": name,
        "median ms": whole.median_ms,
        "p95 ms": whole.p95_ms,
        "min ms": min(whole.seconds) * 1000,
        "CPU ms": whole.cpu_ms(),
        "of these client": whole.cpu_ms([HERE]),
        "host": whole.cpu_ms(["host"]),
        "agents": whole.cpu_ms(AGENTS),
    }
