"""The toy agent, in memory and over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from runtime.settings import Settings
from tests.serving import serving
from tests.toy import Toy


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(Settings(data=tmp_path))


@pytest.fixture
async def base_url(toy: Toy) -> AsyncIterator[str]:
    async with serving(toy.agent.app()) as url:
        yield url


@pytest.fixture(params=["memory", "http"])
def door(request: pytest.FixtureRequest, toy: Toy) -> object:
    return toy.agent.mcp if request.param == "memory" else request.getfixturevalue("base_url") + "/mcp"
