"""A whole federation for the tests of one module, on a data folder of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from runtime.federation import running
from runtime.settings import Settings

MANUAL = Path(__file__).parents[2] / "hosts" / "cli" / "demo_manual.pdf"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The base URL of a running federation."""
    async with running(Settings(data=tmp_path_factory.mktemp("data"))) as (base_url, _):
        yield base_url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(address: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the federation."""
    async with httpx.AsyncClient(base_url=address, timeout=60, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def manual(http: httpx.AsyncClient) -> dict[str, object]:
    """The demo manual, ingested."""
    return await ingested(http, "manual.pdf", MANUAL.read_bytes())


async def ingested(http: httpx.AsyncClient, name: str, content: bytes) -> dict[str, object]:
    """Hand a document in and wait until it has ended; returns it as it ended."""
    answer = await http.post("/v1/documents", files={"file": (name, content)})
    assert answer.status_code in {200, 202}, answer.text
    document: dict[str, object] = answer.json()
    async with http.stream("GET", f"/v1/documents/{document['doc_id']}/events", timeout=120) as stream:
        async for _ in stream.aiter_lines():
            pass
    ended: dict[str, object] = (await http.get(f"/v1/documents/{document['doc_id']}")).json()
    return ended


@pytest.fixture
def ingest() -> object:
    """The function that hands a document in and waits for it."""
    return ingested
