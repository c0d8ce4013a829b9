"""A reranker that the settings name puts what a search finds in order, or the search says why it did not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.call import Call
from runtime.caller import Caller
from runtime.models.cross_encoder import OnnxCrossEncoder
from runtime.models.rerank_service import RerankService
from schemas.skills import HybridSearch, Rerank
from servers.retrieval.server import create_agent, hybrid_search, rerank
from servers.retrieval.settings import RetrievalSettings
from tests.cross_encoding import WORD, Service, make_folder, reranking

from .conftest import Library

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERY = "What do the errors mean?"


@pytest_asyncio.fixture(loop_scope="module")
async def with_model(library: Library, tmp_path: Path) -> AsyncIterator[Call]:
    """A caller of an agent with a model that likes one word."""
    folder = make_folder(tmp_path / "tiny")
    library.on.reranker = OnnxCrossEncoder(folder)
    yield library.call(rerank_url=f"onnx:{folder}")
    await library.on.reranker.close()


@pytest_asyncio.fixture(loop_scope="module")
async def service(library: Library) -> AsyncIterator[Service]:
    async with reranking() as service:
        library.on.reranker = RerankService(f"{service.url}/cohere", "cohere")
        yield service
        await library.on.reranker.close()


def asking(library: Library, service: Service, **knobs: object) -> Call:
    return library.call(rerank_url=f"{service.url}/cohere", **knobs)


async def test_a_hybrid_search_is_put_in_order_by_the_model(library: Library, with_model: Call) -> None:
    found = await hybrid_search(HybridSearch(query=QUERY, top_k=3, explain=True), with_model)
    assert WORD in found.chunks[0].content
    assert found.tools == ("vector", "keyword", "rerank")
    assert found.skipped == ()
    assert len(found.chunks) == 3
    parts = found.chunks[0].parts
    assert parts is not None
    assert parts.rerank == found.chunks[0].score
    assert parts.meaning is not None
    plain = await hybrid_search(HybridSearch(query=QUERY, top_k=3), with_model)
    assert [chunk.chunk_id for chunk in plain.chunks] == [chunk.chunk_id for chunk in found.chunks]
    assert plain.chunks[0].parts is None
    unranked = await hybrid_search(HybridSearch(query=QUERY, top_k=3), library.call())
    assert WORD not in unranked.chunks[0].content
    assert unranked.tools == ("vector", "keyword")


async def test_given_chunks_are_put_in_order_by_the_model(library: Library, with_model: Call) -> None:
    chunks = (await hybrid_search(HybridSearch(query=QUERY, top_k=20), library.call())).chunks
    found = await rerank(Rerank(query=QUERY, chunks=chunks), with_model)
    assert WORD in found.chunks[0].content
    assert found.chunks[0].score > found.chunks[1].score


async def test_without_time_for_all_the_search_keeps_its_order_and_says_so(library: Library, with_model: Call) -> None:
    hurried = replace(with_model, caller=Caller.owner().within(0.05))
    found = await hybrid_search(HybridSearch(query="What may burn?", top_k=3), hurried)
    (why,) = found.skipped
    assert "the time budget is too short" in why
    assert found.tools == ("vector", "keyword")
    usual = await hybrid_search(HybridSearch(query="What may burn?", top_k=3), library.call())
    assert found.chunks == usual.chunks
    again = await hybrid_search(HybridSearch(query="What may burn?", top_k=3), with_model)
    assert "rerank" in again.tools, "a result that was cut short is not remembered"


async def test_a_service_is_asked_with_the_question_and_the_candidates(library: Library, service: Service) -> None:
    found = await hybrid_search(HybridSearch(query=QUERY, top_k=2), asking(library, service, rerank_candidates=7))
    assert service.bodies[0]["query"] == QUERY
    assert len(service.bodies[0]["documents"]) == 7
    assert len(found.chunks) == 2
    assert "rerank" in found.tools


async def test_a_service_that_fails_or_hangs_costs_the_order_and_never_the_search(
    library: Library, service: Service
) -> None:
    service.status = 503
    failed = await hybrid_search(HybridSearch(query=QUERY), asking(library, service))
    assert failed.chunks
    assert "status 503" in failed.skipped[0]
    service.status, service.hangs = 200, True
    hung = await hybrid_search(HybridSearch(query=QUERY), asking(library, service, rerank_budget_seconds=0.7))
    assert hung.chunks == failed.chunks
    assert "not done within 0.7 s" in hung.skipped[0]


async def test_an_agent_needs_a_reranker_only_when_one_is_named(tmp_path: Path) -> None:
    plain = create_agent(RetrievalSettings(data=tmp_path, _env_file=None))
    named = create_agent(RetrievalSettings(data=tmp_path, rerank_url="tei:http://127.0.0.1:9/rerank", _env_file=None))
    assert "reranker" not in plain.needs
    assert "reranker" in named.needs
