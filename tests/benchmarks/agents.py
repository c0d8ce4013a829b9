"""Agents at work for a benchmark, each a process of its own, on one data folder."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.benchmarks.measure import Clock
from tests.processes import AGENTRAG, Process, free_port, process

STORE = "store"
UP = "up"


class Gaps:
    """How many gaps of an event loop were no longer than each bound, as its metric tells them."""

    def __init__(self, text: str) -> None:
        self.counts = {
            float(sample.labels["le"]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "event_loop_gap_seconds_bucket"
        }

    def worst_since(self, before: Gaps) -> float:
        """Seconds that no gap since then was longer than."""
        new = {bound: count - before.counts[bound] for bound, count in self.counts.items()}
        return min(bound for bound, count in new.items() if count == max(new.values()))


class Agents:
    """What runs by now. `urls` and `pids` are by name, that of the vector store among the latter."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.urls: dict[str, str] = {}
        self.pids: dict[str, int] = {}
        self._folder = folder
        self._stack = stack
        self._vectors: dict[str, str] = {}

    @property
    def clock(self) -> Clock:
        """Tells the CPU time of each."""
        return Clock(self.pids)

    async def store(self) -> None:
        """The vector store as a process apart, which the agents that start later share."""
        await self._start(STORE, AGENTRAG, "serve", STORE)
        self._vectors = {"AGENTRAG_VECTORS_URL": f"store:{self._folder / 'vectors.sock'}"}

    async def serve(self, name: str, **env: str) -> str:
        """An agent of the project, or its host; return its address once it is ready."""
        return await self._listening(name, AGENTRAG, "serve", name, "--port", **self._vectors, **env)

    async def up(self) -> str:
        """The host and all agents in one process; return its address once it is ready."""
        return await self._listening(UP, AGENTRAG, "up", "--port")

    async def gaps(self, name: str) -> Gaps:
        """How many gaps its event loop had by now."""
        async with httpx2.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"{self.urls[name]}/metrics")).text
        return Gaps(text)

    async def toys(self, names: Sequence[str]) -> None:
        """Agents whose tools answer at once; they come up side by side."""
        started = [await self._begun(name, sys.executable, "-m", "tests.benchmarks.toy_agent", name) for name in names]
        for name, toy in zip(names, started, strict=True):
            await toy.answers(f"{self.urls[name]}/health/ready")

    async def _listening(self, name: str, *command: str, **env: str) -> str:
        started = await self._begun(name, *command, **env)
        await started.answers(f"{self.urls[name]}/health/ready")
        return self.urls[name]

    async def _begun(self, name: str, *command: str, **env: str) -> Process:
        port = free_port()
        self.urls[name] = f"http://127.0.0.1:{port}"
        return await self._start(name, *command, str(port), **env)

    async def _start(self, name: str, *command: str, **env: str) -> Process:
        given = {"AGENTRAG_DATA": str(self._folder), "AGENTRAG_LOG_LEVEL": "WARNING", **env}
        output = self._folder / f"{name}.log"
        started = await self._stack.enter_async_context(process(*command, output=output, **given))
        self.pids[name] = started.child.pid
        return started


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[Agents]:
    """Agents that end with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        yield Agents(folder, stack)
