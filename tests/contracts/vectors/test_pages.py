"""Every vector store tells pages exactly, searches on given pages only, and names its state."""

import pytest

from runtime.vectors.contract import Probe, VectorStore
from schemas.chunk import Filters
from schemas.message import DocumentId, VersionId

from .conftest import ANNA, APPLE, BEN, PEAR, PLUM, chunk, direction, fill, names, other, words

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_pages_that_hold_a_term_are_told_however_many_they_are(store: VectorStore) -> None:
    pages = [other("page", "a", {APPLE: 1, PEAR + number % 2: 3}, page=number) for number in range(1, 1203)]
    await fill(store, ANNA, *pages, other("page", "b", {PLUM: 1}), chunk("b/0", {APPLE: 1}))
    probes = [words(*terms, using="page_terms") for terms in ((APPLE,), (PEAR,), (PEAR, PLUM), (99,), ())]
    everywhere, even, more, nowhere, all_pages = await store.pages(ANNA, probes)
    of_a, of_b = VersionId("a-v1"), VersionId("b-v1")
    assert everywhere == {(of_a, number) for number in range(1, 1203)}
    assert even == {(of_a, number) for number in range(2, 1203, 2)}
    assert more == even | {(of_b, 1)}
    assert nowhere == frozenset()
    assert all_pages == everywhere | {(of_b, 1)}
    assert await store.pages(BEN, probes[:1]) == [frozenset()]


async def test_pages_are_told_of_what_the_filters_leave_only(store: VectorStore) -> None:
    await fill(store, ANNA, *(other("page", name, {APPLE: 1}, page=2) for name in "abc"))
    narrow = Filters(doc_ids=("a", "b"))
    for terms in ((APPLE,), ()):
        probe = words(*terms, using="page_terms", filters=narrow, exclude=(VersionId("b-v1"),))
        assert await store.pages(ANNA, [probe]) == [{(VersionId("a-v1"), 2)}]
    await store.delete(ANNA, DocumentId("a"))
    assert await store.pages(ANNA, [words(APPLE, using="page_terms")]) == [
        {(VersionId("b-v1"), 2), (VersionId("c-v1"), 2)}
    ]


async def test_places_narrow_every_kind_of_search(store: VectorStore) -> None:
    chunks = [chunk(f"{name}/{page}", {APPLE: 1}, page=page) for name in "ab" for page in (1, 2)]
    rest = [other(kind, name, {APPLE: 1}, page=1) for kind in ("page", "document") for name in "ab"]
    await fill(store, ANNA, *chunks, *rest)
    places = frozenset({(VersionId("a-v1"), 2), (VersionId("b-v1"), 7)})
    assert await names(store, ANNA, words(APPLE, places=places)) == ["a/2"]
    assert await names(store, ANNA, Probe("dense", 9, dense=direction(0), places=places)) == ["a/2"]
    by_page, by_document, nowhere = await store.search(
        ANNA,
        [
            words(APPLE, using="page_terms", places=places),
            words(APPLE, using="document_terms", places=places),
            words(APPLE, places=frozenset()),
        ],
    )
    assert by_page == []
    assert sorted(hit.document for hit in by_document) == ["a", "b"]
    assert nowhere == []


async def test_the_state_of_an_index_changes_with_what_it_holds_and_with_nothing_else(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}))
    filled = await store.state(ANNA)
    await store.search(ANNA, [words(APPLE)])
    await fill(store, BEN, chunk("b", {APPLE: 1}))
    assert await store.state(ANNA) == filled
    await store.upsert(ANNA, [chunk("c", {APPLE: 1})])
    written = await store.state(ANNA)
    await store.seal(ANNA, DocumentId("c"), VersionId("c-v1"))
    sealed = await store.state(ANNA)
    await store.delete(ANNA, DocumentId("c"))
    deleted = await store.state(ANNA)
    await store.drop(ANNA)
    assert len({filled, written, sealed, deleted, await store.state(ANNA)}) == 5
