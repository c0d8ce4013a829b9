"""Node with its packages, and a whole federation for the tests of one module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from runtime.federation import running
from runtime.settings import Settings
from schemas.skills import AGENTS
from tests.chatting import Endpoint, Reply, chatting
from tests.conformance.node import Node
from tests.journeys.conftest import ingested

SERVERS = ("orchestrator", *AGENTS)
"""The host and the five agents."""
NOTE = b"The valve opens at four bar. It closes again at three bar, and a lamp shows that it is shut."
NO_MORE = Reply(status=400, body={"error": {"message": "no more"}})


@pytest.fixture(scope="session")
def node() -> Node:
    """The Node of the set-up; without it the tests fail and say what to do."""
    return Node.installed()


@dataclass
class Federation:
    """Five agents and their host, one document, and a scripted model that writes the answers."""

    url: str
    model: Endpoint
    document: dict[str, Any]

    def base(self, server: str) -> str:
        """The base URL of a server: the host's is the federation's own."""
        return self.url if server == "orchestrator" else f"{self.url}/agents/{server}"

    def says(self, *replies: Reply) -> None:
        """Have the model say this to the next questions, and then no more."""
        self.model.script[:] = [*replies, *[NO_MORE] * 3]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def federation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Federation]:
    """A running federation."""
    async with chatting() as model:
        settings = Settings(
            data=tmp_path_factory.mktemp("data"),
            answers_url=f"openai:{model.url}",
            answers_model="small",
            openai_api_key="sk-none",
        )
        async with (
            running(settings) as (url, _),
            httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as http,
        ):
            yield Federation(url, model, await ingested(http, "valve.txt", NOTE))
