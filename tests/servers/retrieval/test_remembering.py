"""What was found a moment ago is found at once, as long as nothing has changed; what is remembered is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count

import pytest
import pytest_asyncio
import structlog
from prometheus_client import REGISTRY

from runtime.call import Call
from schemas.chunk import Filters, Found
from schemas.message import TenantId
from schemas.skills import HybridSearch, KeywordSearch
from servers.retrieval.remembered import Remembered
from servers.retrieval.server import hybrid_search, keyword_search

from .conftest import OVEN, Library, Paper

FRESH = count(100)
"""A setting that no agent had before makes one that remembers nothing."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def counted(cache: str, outcome: str) -> float:
    return REGISTRY.get_sample_value("cache_lookups_total", {"cache": cache, "outcome": outcome}) or 0.0


@pytest_asyncio.fixture(loop_scope="module")
async def call(library: Library) -> AsyncIterator[Call]:
    """A caller of an agent that remembers nothing yet."""
    yield library.call(searches_kept=next(FRESH))


async def remembered(query: str, call: Call, **more: object) -> tuple[bool, Found]:
    """Whether a result was remembered, and the result."""
    with structlog.testing.capture_logs() as events:
        found = await hybrid_search(HybridSearch(query=query, **more), call)
    (told,) = [event for event in events if event["event"] == "search.completed"]
    return told["remembered"], found


async def test_the_same_search_again_is_remembered_and_counted(call: Call) -> None:
    hits = counted("searches", "hit")
    first = await remembered("Which error means a worn bearing?", call)
    again = await remembered("  Which error means\n a worn bearing? ", call)
    assert (first[0], again[0]) == (False, True)
    assert again[1] == first[1]
    assert counted("searches", "hit") == hits + 1


async def test_another_ask_is_another_search(call: Call) -> None:
    await remembered("error", call)
    for more in ({"top_k": 2}, {"explain": True}, {"alpha": 0.3}, {"filters": Filters(doc_ids=(OVEN.doc_id,))}):
        assert not (await remembered("error", call, **more))[0]
    with structlog.testing.capture_logs() as events:
        await keyword_search(KeywordSearch(query="error"), call)
    assert events[-1]["remembered"] is False


async def test_a_change_of_the_index_is_seen_at_once(library: Library, call: Call) -> None:
    query = "Who keeps the lighthouse?"
    before = (await remembered(query, call))[1]
    keeper = Paper("keeper.pdf", [["Old Ferdinand keeps the lighthouse."]])
    await library.add(keeper, activate=False)
    hidden = await remembered(query, call)
    assert not hidden[0]
    assert "keeper.pdf" not in {chunk.doc for chunk in hidden[1].chunks}
    await library.on.records.versions.activate(TenantId("local"), keeper.doc_id, keeper.version_id, {})
    assert (await remembered(query, call))[1].chunks[0].doc == "keeper.pdf"
    await library.on.vectors.delete(TenantId("local"), keeper.doc_id)
    assert (await remembered(query, call)) == (False, before)


async def test_what_is_remembered_of_one_tenant_is_not_told_another(library: Library) -> None:
    await library.add(Paper("theirs.pdf", [["A secret recipe."]], tenant="third"))
    mine, theirs = (library.call(tenant, searches_kept=99) for tenant in ("local", "third"))
    assert {chunk.doc for chunk in (await remembered("secret recipe", theirs))[1].chunks} == {"theirs.pdf"}
    known, found = await remembered("secret recipe", mine)
    assert not known
    assert "theirs.pdf" not in {chunk.doc for chunk in found.chunks}


async def test_the_vector_of_a_question_is_remembered_longer_than_its_result(library: Library, call: Call) -> None:
    await remembered("What may burn my skin?", call)
    hits = counted("query_vectors", "hit")
    await library.on.vectors.delete(TenantId("local"), OVEN.doc_id, OVEN.version_id)
    assert not (await remembered("What may burn my skin?", call))[0]
    assert counted("query_vectors", "hit") == hits + 1


async def test_values_are_forgotten_by_age_and_by_number() -> None:
    now = 0.0
    held: Remembered[str] = Remembered("test", 2, 10.0, clock=lambda: now)
    for key in ("a", "b"):
        held.put(key, key)
    assert held.get("a") == "a"
    held.put("c", "c")
    assert (held.get("a"), held.get("b"), held.get("c")) == ("a", None, "c")
    now = 10.0
    assert held.get("a") is None
    none: Remembered[str] = Remembered("test", 0, 10.0)
    none.put("a", "a")
    assert none.get("a") is None
