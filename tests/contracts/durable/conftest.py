"""The engines that the contract of durable work is held against."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from runtime.durable.contract import Activity, ActivityContext, Durable, Json, Workflow
from runtime.durable.embedded import EmbeddedDurable

ENGINES: dict[str, Callable[[Path], Awaitable[Durable]]] = {
    "embedded": lambda folder: EmbeddedDurable.open(folder / "workflows.db"),
}
SECONDS = 20.0


class Place:
    """Where runs are kept; an engine is opened on it, closed, and opened again as after a restart."""

    def __init__(self, opener: Callable[[Path], Awaitable[Durable]], folder: Path) -> None:
        self._opener = opener
        self._folder = folder
        self.engine: Durable | None = None

    async def open(
        self, workflows: Mapping[str, Workflow], activities: Mapping[str, Activity] | None = None
    ) -> Durable:
        """Start the engine, instead of the one that ran."""
        await self.close()
        self.engine = await self._opener(self._folder)
        self.engine.register(workflows, activities or {})
        return self.engine

    async def close(self) -> None:
        """Stop the engine that runs."""
        if self.engine is not None:
            await asyncio.wait_for(self.engine.close(), SECONDS)
            self.engine = None


@pytest.fixture(params=ENGINES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """An empty place, one engine after the other."""
    made = Place(ENGINES[request.param], tmp_path)
    yield made
    await made.close()


class Desk:
    """Activities that note what they are asked, and wait where a test wants them to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int, Any]] = []
        self.cancelled: list[str] = []
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def echo(self, context: ActivityContext, input: Json) -> Json:
        """Give the input back."""
        self.calls.append((context.key, context.attempt, input))
        return input

    async def fail(self, context: ActivityContext, input: Json) -> Json:
        """Raise."""
        self.calls.append((context.key, context.attempt, input))
        raise LookupError(f"nothing under {input['n']}")

    async def hold(self, context: ActivityContext, input: Json) -> Json:
        """Wait until the test lets go."""
        self.calls.append((context.key, context.attempt, input))
        self.reached.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled.append(context.key)
            raise
        return input

    @property
    def activities(self) -> dict[str, Activity]:
        """By name."""
        return {"echo": self.echo, "fail": self.fail, "hold": self.hold}


@pytest.fixture
async def desk() -> Desk:
    """A desk without calls."""
    return Desk()
