"""What every vector store keeps, on each adapter: the embedded one and the shared store behind its socket."""

import asyncio
import math
import os
import signal
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import ConflictError, FingerprintError, InvalidInputError
from runtime.vectors.contract import Probe, Unit, VectorStore
from runtime.vectors.embedded import EmbeddedVectors
from runtime.vectors.weights import K1, B
from schemas.chunk import Filters
from schemas.message import DocumentId, VersionId

from .conftest import (
    ANNA,
    APPLE,
    BEN,
    DIMENSION,
    PEAR,
    PLUM,
    STRANGE,
    chunk,
    direction,
    fill,
    names,
    other,
    scores,
    words,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_hit_brings_back_the_whole_unit(store: VectorStore) -> None:
    unit = chunk("a/3", {APPLE: 2}, 1, page=7)
    await fill(store, ANNA, unit)
    (hits,) = await store.search(ANNA, [Probe("dense", 5, dense=direction(1))])
    hit = hits[0]
    assert (hit.id, hit.kind, hit.document, hit.version, hit.page) == (unit.id, "chunk", "a", "a-v1", 7)
    assert hit.payload == {"text": "a/3 in v1", "ordinal": 3}
    assert hit.score == pytest.approx(1.0)


async def test_the_nearest_vectors_come_first_with_their_cosine(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {}, 0), chunk("b", {}, 1), chunk("c", {}, 2))
    question = np.array([0.8, 0.6, 0, 0, 0, 0, 0, 0], np.float32)
    (hits,) = await store.search(ANNA, [Probe("dense", 2, dense=question)])
    assert [(hit.document, round(hit.score, 4)) for hit in hits] == [("a", 0.8), ("b", 0.6)]


async def test_word_scores_are_bm25_of_the_sealed_corpus(store: VectorStore) -> None:
    corpus = {"a": {APPLE: 3, PEAR: 1}, "b": {APPLE: 1}, "c": {PEAR: 2, PLUM: 4}}
    await fill(store, ANNA, *(chunk(name, terms) for name, terms in corpus.items()))
    average = sum(sum(terms.values()) for terms in corpus.values()) / len(corpus)

    def bm25(terms: dict[int, int], term: int) -> float:
        holding = sum(term in others for others in corpus.values())
        idf = math.log(1 + (len(corpus) - holding + 0.5) / (holding + 0.5))
        count = terms.get(term, 0)
        return idf * count * (K1 + 1) / (count + K1 * (1 - B + B * sum(terms.values()) / average))

    found = await scores(store, ANNA, APPLE, PEAR)
    expected = {f"{name} in v1": bm25(terms, APPLE) + bm25(terms, PEAR) for name, terms in corpus.items()}
    assert found == pytest.approx(expected, rel=0.02), "the average length is rounded to a grid of 5 %"
    assert list(found) == sorted(expected, key=expected.__getitem__, reverse=True)


async def test_a_term_counts_as_often_as_the_probe_weighs_it(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}), chunk("b", {PEAR: 1}))
    once, thrice = await store.search(
        ANNA, [Probe("chunk_terms", 5, terms={APPLE: weight, PEAR: 1.0}) for weight in (1.0, 3.0)]
    )
    assert {hit.document: hit.score for hit in once}["a"] == pytest.approx(once[1].score)
    assert thrice[0].document == "a"
    assert thrice[0].score == pytest.approx(3 * thrice[1].score, rel=1e-3)


async def test_chunks_pages_and_documents_are_searched_apart(store: VectorStore) -> None:
    await fill(
        store,
        ANNA,
        chunk("a", {APPLE: 1}, page=2),
        other("page", "a", {APPLE: 5}, page=2),
        other("document", "a", {APPLE: 9}),
    )
    lists = await store.search(
        ANNA, [words(APPLE, using=using) for using in ("chunk_terms", "page_terms", "document_terms")]
    )
    assert [[hit.kind for hit in hits] for hits in lists] == [["chunk"], ["page"], ["document"]]
    assert lists[1][0].page == 2


async def test_tenants_never_see_each_other(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}))
    await fill(store, BEN, chunk("b", {APPLE: 1}))
    assert await names(store, ANNA, words(APPLE)) == ["a"]
    assert await names(store, BEN, Probe("dense", 9, dense=direction(0))) == ["b"]
    assert await store.fetch(BEN, [(VersionId("a-v1"), 1)]) == []
    assert await store.delete(BEN, DocumentId("a")) == 0
    await store.drop(BEN)
    assert await names(store, ANNA, words(APPLE)) == ["a"]
    assert await names(store, BEN, words(APPLE)) == []


async def test_strange_tenant_names_are_tenants_of_their_own(
    store: VectorStore, running: tuple[VectorStore, Path]
) -> None:
    for number, tenant in enumerate((ANNA, *STRANGE)):
        await fill(store, tenant, chunk(f"d{number}", {APPLE: 1}))
    for number, tenant in enumerate((ANNA, *STRANGE)):
        assert await names(store, tenant, words(APPLE)) == [f"d{number}"]
    assert {path.name for path in running[1].iterdir()} <= {"vectors", "store.sock"}


async def test_a_tenant_without_an_index_finds_nothing(store: VectorStore) -> None:
    assert await store.search(ANNA, [words(APPLE), Probe("dense", 3, dense=direction(0))]) == [[], []]
    assert await store.fetch(ANNA, [(VersionId("v"), 1)]) == []
    assert await store.delete(ANNA, DocumentId("a")) == 0
    assert await store.seal(ANNA, DocumentId("a"), VersionId("a-v1")) == 0
    await store.drop(ANNA)


async def test_an_index_is_ensured_before_units_are_written(store: VectorStore) -> None:
    with pytest.raises(ConflictError, match="call ensure"):
        await store.upsert(ANNA, [chunk("a", {APPLE: 1})])


async def test_writing_a_unit_again_changes_nothing(store: VectorStore) -> None:
    units = [chunk("a/0", {APPLE: 2}), chunk("a/1", {APPLE: 1, PEAR: 1}), chunk("b/0", {PEAR: 3})]
    await fill(store, ANNA, *units)
    before = await scores(store, ANNA, APPLE, PEAR)
    await fill(store, ANNA, *units)
    assert await scores(store, ANNA, APPLE, PEAR) == before


async def test_a_unit_of_the_same_id_replaces_the_former(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}, 0), chunk("b", {PLUM: 1}, 3))
    await store.search(ANNA, [words(APPLE)])
    replacing = chunk("a", {PEAR: 1}, 1, page=5)
    await fill(store, ANNA, replacing)
    assert await names(store, ANNA, words(APPLE)) == []
    (hits,) = await store.search(ANNA, [words(PEAR)])
    assert [hit.page for hit in hits] == [5]


def corpus() -> list[list[Unit]]:
    """Six documents whose average lengths differ a lot, so that each one sealed moves the average."""
    rng = np.random.default_rng(5)
    documents = []
    for at in range(6):
        length = 3 * 4**at % 211 + 1
        terms = [
            {int(term): int(count) for term, count in enumerate(rng.poisson(length / 9, 9)) if count} for _ in "ab"
        ]
        name = f"d{at}"
        documents.append([chunk(f"{name}/{n}", counted, at) for n, counted in enumerate(terms)])
        documents[-1].append(other("page", name, {term: 2 * count for term, count in terms[0].items()}))
    return documents


async def test_results_do_not_depend_on_the_order_of_ingest(store: VectorStore) -> None:
    documents = corpus()
    for tenant, order in ((ANNA, documents), (BEN, documents[::-1])):
        for units in order:
            await fill(store, tenant, *units)
    probes = [words(*range(9), using=using) for using in ("chunk_terms", "page_terms")]
    anna, ben = await store.search(ANNA, probes), await store.search(BEN, probes)
    assert [len(hits) for hits in anna] == [10, 6]
    for mine, theirs in zip(anna, ben, strict=True):
        assert [(hit.id, hit.score) for hit in mine] == [(hit.id, hit.score) for hit in theirs]


async def test_what_was_deleted_leaves_no_trace_in_the_scores(store: VectorStore) -> None:
    documents = corpus()
    for units in documents:
        await fill(store, ANNA, *units)
    for units in documents[2:]:
        assert await store.delete(ANNA, units[0].document) == 2
    for units in documents[:2]:
        await fill(store, BEN, *units)
    assert await scores(store, ANNA, *range(9)) == await scores(store, BEN, *range(9))


async def test_equal_scores_come_in_the_same_order_everywhere(store: VectorStore) -> None:
    twins = [chunk(f"d{at}", {APPLE: 1}) for at in range(12)]
    await fill(store, ANNA, *twins)
    await fill(store, BEN, *twins[::-1])
    assert await names(store, ANNA, words(APPLE, top_k=5)) == await names(store, BEN, words(APPLE, top_k=5))


async def test_filters_narrow_every_kind_of_search(store: VectorStore) -> None:
    await fill(
        store,
        ANNA,
        chunk("a", {APPLE: 1}, language="en", date=date(2023, 1, 31)),
        chunk("b", {APPLE: 1}, language="de", date=date(2023, 2, 1)),
        chunk("c", {APPLE: 1}, language="en"),
    )
    for filters, expected in (
        (Filters(doc_ids=("a", "c", "x")), {"a", "c"}),
        (Filters(languages=("de",)), {"b"}),
        (Filters(since=date(2023, 1, 31)), {"a", "b"}),
        (Filters(since=date(2023, 2, 1)), {"b"}),
        (Filters(until=date(2023, 1, 31)), {"a"}),
        (Filters(languages=("en",), doc_ids=("a", "b")), {"a"}),
        (Filters(doc_ids=("x",)), set()),
    ):
        for probe in (words(APPLE, filters=filters), Probe("dense", 9, dense=direction(0), filters=filters)):
            assert set(await names(store, ANNA, probe)) == expected, filters


async def test_excluded_versions_are_left_out_however_many_units_they_have(store: VectorStore) -> None:
    hidden = [chunk(f"a/{n}", {APPLE: 3}, version="new") for n in range(90)]
    await fill(store, ANNA, chunk("a/0", {APPLE: 1, PEAR: 1}), chunk("b/0", {APPLE: 1, PEAR: 1}), *hidden)
    for probe in (
        words(APPLE, exclude=(VersionId("a-new"),)),
        Probe("dense", 10, dense=direction(0), exclude=(VersionId("a-new"),)),
    ):
        assert sorted(await names(store, ANNA, probe)) == ["a/0", "b/0"]


async def test_sealing_counts_the_chunks_of_the_version(store: VectorStore) -> None:
    await store.ensure(ANNA, "model/1", DIMENSION)
    await store.upsert(ANNA, [*(chunk(f"a/{n}", {APPLE: 1}) for n in range(70)), other("page", "a", {APPLE: 1})])
    await store.upsert(ANNA, [chunk("a/0", {APPLE: 1}, version="v2")])
    assert await store.seal(ANNA, DocumentId("a"), VersionId("a-v1")) == 70
    assert await store.seal(ANNA, DocumentId("a"), VersionId("a-v2")) == 1
    assert await store.seal(ANNA, DocumentId("a"), VersionId("a-v3")) == 0


async def test_one_version_of_a_document_can_be_deleted(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a/0", {APPLE: 1}), chunk("a/0", {APPLE: 2}, version="v2"), chunk("b/0", {APPLE: 1}))
    assert await store.delete(ANNA, DocumentId("a"), VersionId("a-v1")) == 1
    assert set(await scores(store, ANNA, APPLE)) == {"a/0 in v2", "b/0 in v1"}
    assert await store.delete(ANNA, DocumentId("a"), VersionId("a-v1")) == 0
    assert await store.delete(ANNA, DocumentId("a")) == 1
    assert set(await scores(store, ANNA, APPLE)) == {"b/0 in v1"}


async def test_the_chunks_of_pages_are_fetched_in_document_order(store: VectorStore) -> None:
    await fill(store, ANNA, *(chunk(f"a/{n}", {APPLE: 1}, page=1 + n // 2) for n in (5, 2, 4, 0, 3, 1)))
    places = [(VersionId("a-v1"), 3), (VersionId("a-v1"), 1), (VersionId("x-v1"), 1)]
    fetched = await store.fetch(ANNA, places)
    assert [(hit.page, hit.payload["ordinal"], hit.score) for hit in fetched] == [
        (1, 0, 0.0),
        (1, 1, 0.0),
        (3, 4, 0.0),
        (3, 5, 0.0),
    ]
    assert await store.fetch(ANNA, []) == []


async def test_the_vectors_of_pages_come_back_as_they_went_in(store: VectorStore) -> None:
    kept, apart = chunk("a/0", {APPLE: 1}, 2, page=1), chunk("a/1", {APPLE: 1}, 3, page=2)
    await fill(store, ANNA, kept, apart)
    found = await store.vectors(ANNA, [(VersionId("a-v1"), 1), (VersionId("x-v1"), 1)])
    assert list(found) == [kept.id]
    assert np.array_equal(found[kept.id], direction(2))
    assert await store.vectors(ANNA, []) == {}
    assert await store.vectors(BEN, [(VersionId("a-v1"), 1)]) == {}


async def test_an_index_built_with_another_model_is_refused(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}))
    with pytest.raises(FingerprintError, match=r"model/1.*model/2.*AGENTRAG_EMBEDDINGS_URL"):
        await store.ensure(ANNA, "model/2", DIMENSION)
    with pytest.raises(FingerprintError, match="8, and now 9"):
        await store.ensure(ANNA, "model/1", 9)
    with pytest.raises(FingerprintError, match="9 numbers"):
        await store.search(ANNA, [Probe("dense", 3, dense=np.ones(9, np.float32))])
    await store.ensure(ANNA, "model/1", DIMENSION)


async def test_a_model_may_change_as_long_as_nothing_is_indexed(store: VectorStore) -> None:
    await store.ensure(ANNA, "model/1", 16)
    await fill(store, ANNA, chunk("a", {APPLE: 1}))
    await store.drop(ANNA)
    await store.ensure(ANNA, "model/2", 16)


async def test_a_term_index_beyond_32_bits_is_refused(store: VectorStore) -> None:
    await store.ensure(ANNA, "model/1", DIMENSION)
    with pytest.raises(InvalidInputError, match="term index"):
        await store.upsert(ANNA, [chunk("a", {2**32: 1})])


async def test_searches_are_answered_while_somebody_writes(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}))
    units = [chunk(f"b/{n}", {APPLE: 1, 1000 + n: 1}) for n in range(600)]
    writing = asyncio.create_task(store.upsert(ANNA, units))
    answered = 0
    async with asyncio.timeout(60):
        while not writing.done():
            assert (await store.search(ANNA, [words(APPLE)]))[0]
            answered += 1
    await writing
    assert answered > 3


async def test_a_cancelled_request_does_not_spoil_the_next(store: VectorStore) -> None:
    await fill(store, ANNA, chunk("a", {APPLE: 1}), chunk("b", {PEAR: 1}))
    for _ in range(8):
        task = asyncio.create_task(store.search(ANNA, [words(PEAR)]))
        await asyncio.sleep(0)
        task.cancel()
        assert await names(store, ANNA, words(APPLE)) == ["a"]


async def test_what_was_acknowledged_outlives_a_killed_store(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path)
    await store.ensure(ANNA, "model/1", DIMENSION)
    for batch in range(5):
        await store.upsert(ANNA, [chunk(f"a/{10 * batch + n}", {APPLE: 1}) for n in range(10)])
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
    assert await store.seal(ANNA, DocumentId("a"), VersionId("a-v1")) == 50
    await store.close()
    again = await EmbeddedVectors.open(tmp_path)
    assert len(await names(again, ANNA, words(APPLE, top_k=99))) == 50
    await again.close()
