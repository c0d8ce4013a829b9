"""A federated call against the same call at its agent: time, CPU time, and how many requests reach the agents.

`python -m tests.benchmarks.federation [--turns 15] [--calls 20]`: three agents with six tools each and a host, every
one a process of its own; direct and federated calls take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from fastmcp import Client

from tests.benchmarks.backend import TOOLS
from tests.benchmarks.callers import REVISION, bare, client
from tests.benchmarks.measure import HERE, Clock, Figures, Turn, machine, table, taking_turns
from tests.processes import AGENTRAG, free_port, process

AGENTS = ("alpha", "beta", "gamma")
ARGUMENTS = {"query": "How often is the filter changed?", "top_k": 5}


@dataclass(frozen=True)
class Federation:
    """Where everything is."""

    host: str
    agents: dict[str, str]
    clock: Clock

    async def requests(self, http: httpx2.AsyncClient) -> dict[str, int]:
        """MCP requests that the agents got so far, by method."""
        seen: dict[str, int] = {}
        for url in self.agents.values():
            for method, count in (await http.get(f"{url}/requests")).json().items():
                seen[method] = seen.get(method, 0) + count
        return seen


@asynccontextmanager
async def federation(folder: Path) -> AsyncIterator[Federation]:
    """Three agents and a host at work."""
    ports = {name: free_port() for name in (*AGENTS, "host")}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    env = {
        "AGENTRAG_DATA": str(folder),
        "AGENTRAG_AGENTS": ",".join(f"{name}={urls[name]}" for name in AGENTS),
        "AGENTRAG_LOG_LEVEL": "WARNING",
    }
    async with AsyncExitStack() as stack:
        started = {}
        for name in AGENTS:
            command = (sys.executable, "-m", "tests.benchmarks.backend", name, str(ports[name]))
            started[name] = await stack.enter_async_context(process(*command, output=folder / "agents.log", **env))
        for name in AGENTS:  # all of them before the host, which is ready once one has answered
            await started[name].answers(f"{urls[name]}/health/ready")
        command = (AGENTRAG, "serve", "host", "--port", str(ports["host"]))
        started["host"] = await stack.enter_async_context(process(*command, output=folder / "host.log", **env))
        await started["host"].answers(f"{urls['host']}/health/ready")
        pids = {name: one.child.pid for name, one in started.items()}
        host = urls.pop("host")
        yield Federation(host, urls, Clock(pids))


async def measured(turns: int, calls: int) -> tuple[dict[str, Figures], float]:
    """Figures of each case, and requests at the agents for each federated call."""
    with tempfile.TemporaryDirectory() as folder:
        async with federation(Path(folder)) as at, httpx2.AsyncClient(trust_env=False, timeout=60) as http:
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
                after = await at.requests(http)
    return figures, (sum(after.values()) - sum(before.values())) / calls


def report(figures: dict[str, Figures], requests: float) -> str:
    """The figures as people read them; ratios compare with the direct call of the same turn."""
    rows = []
    for name, one in figures.items():
        direct = figures[name.replace("federated", "direct")]
        whole = one.whole()
        rows.append(
            {
                "call": name,
                "median ms": whole.median_ms,
                "p95 ms": whole.p95_ms,
                "min ms": min(whole.seconds) * 1000,
                "CPU ms": whole.cpu_ms(),
                "of these client": whole.cpu_ms([HERE]),
                "host": whole.cpu_ms(["host"]),
                "agents": whole.cpu_ms(AGENTS),
                "median ratio": one.ratio(direct, lambda turn: turn.median_ms),
                "CPU ratio": one.ratio(direct, Turn.cpu_ms),
            }
        )
    lines = [f"3 agents with {TOOLS} tools each and a host, on {machine()}", table(rows)]
    return "\n".join([*lines, f"requests at the agents for a federated call: {requests:.2f}"])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--calls", type=int, default=20)
    given = parser.parse_args()
    print(report(*asyncio.run(measured(given.turns, given.calls))))


if __name__ == "__main__":
    main()
