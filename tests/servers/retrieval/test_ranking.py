"""Lists of hits become one, by rules that a table can show."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.vectors.contract import Hit
from schemas.message import DocumentId, VersionId
from servers.retrieval.fusion import LEAST_SPREAD, of_best, reciprocal_ranks, spread, weighted
from servers.retrieval.query_vectors import QueryVectors
from servers.retrieval.ranking import Lists, Weights, missing_pages, pick, rank
from servers.retrieval.rerank import FIRST_GUESS_SECONDS, Budget

SCORES = st.dictionaries(st.integers(), st.floats(-1, 1, allow_nan=False), max_size=30)


def hit(number: int, score: float, *, page: int = 1, document: str = "a", kind: str = "chunk") -> Hit:
    place = (DocumentId(document), VersionId(f"{document}-v"), page)
    return Hit(UUID(int=number).bytes, kind, *place, score=score, payload={})  # type: ignore[arg-type]


def test_cosines_are_spread_between_the_best_and_the_anchor() -> None:
    assert spread({"a": 0.8, "b": 0.5, "c": 0.3, "d": 0.1}, 3) == pytest.approx({"a": 1, "b": 0.4, "c": 0, "d": 0})


def test_cosines_that_are_alike_stay_alike() -> None:
    assert spread({"a": 0.70, "b": 0.69}, 100) == pytest.approx({"a": 1, "b": 1 - 0.01 / LEAST_SPREAD})


def test_word_scores_are_shares_of_the_best() -> None:
    assert of_best({"a": 8.0, "b": 2.0, "c": 0.0}) == {"a": 1.0, "b": 0.25, "c": 0.0}
    assert of_best({"a": 0.0}) == {"a": 0.0}


def test_reciprocal_ranks_look_at_order_only() -> None:
    assert reciprocal_ranks({"a": 5.0, "b": 900.0}, 60) == {"b": 1.0, "a": 61 / 62}


@given(SCORES)
def test_normalised_scores_lie_between_0_and_1_in_the_same_order(scores: dict[int, float]) -> None:
    for normal in (spread(scores, 10), of_best({key: abs(score) for key, score in scores.items()})):
        assert all(0 <= score <= 1 for score in normal.values())
    order = sorted(scores, key=scores.__getitem__)
    spreads = spread(scores, 10)
    assert [spreads[key] for key in order] == sorted(spreads.values())


def test_a_part_that_is_missing_counts_as_nothing() -> None:
    assert weighted([(0.5, 1.0), (0.5, None)]) == 0.5
    assert weighted([(0.0, 1.0)]) == 0.0


def test_a_chunk_both_rankers_like_comes_first() -> None:
    lists = Lists(meaning=[hit(1, 0.8), hit(2, 0.7), hit(3, 0.1)], words=[hit(4, 9), hit(2, 8)], pages=[], documents=[])
    ranked = rank(lists, Weights(alpha=0.5))
    assert ranked[0].hit.id == UUID(int=2)
    assert ranked[-1].hit.id == UUID(int=3)
    assert {one.hit.id.int for one in ranked} == {1, 2, 3, 4}


def test_page_and_document_lift_all_their_chunks() -> None:
    chunks = [hit(1, 0.5, page=1, document="a"), hit(2, 0.5, page=2, document="a"), hit(3, 0.5, document="b")]
    pages = [hit(8, 7.0, page=2, document="a", kind="page")]
    documents = [hit(9, 4.0, document="b", kind="document")]
    ranked = rank(Lists(meaning=chunks, words=[], pages=pages, documents=documents), Weights(alpha=0.5))
    assert [one.hit.id.int for one in ranked] == [2, 3, 1]
    assert ranked[0].parts.page_words == 1.0
    assert ranked[1].parts.document == 1.0


def test_a_ranker_that_did_not_run_has_no_part() -> None:
    (only,) = rank(Lists(meaning=[hit(1, 0.5)]), Weights(alpha=1.0, document=0.0))
    assert only.score == 1.0
    assert (only.parts.words, only.parts.page_words, only.parts.document) == (None, None, None)


def test_equal_scores_come_in_order_of_place() -> None:
    hits = [hit(1, 0.5, document="b"), hit(3, 0.5, page=2), hit(2, 0.5, page=1)]
    ranked = rank(Lists(meaning=hits), Weights(alpha=1.0))
    assert [one.hit.id.int for one in ranked] == [2, 3, 1]


def test_reciprocal_ranks_merge_too() -> None:
    lists = Lists(meaning=[hit(1, 0.9), hit(2, 0.2)], words=[hit(2, 50), hit(1, 1)], pages=[], documents=[])
    one, other = rank(lists, Weights(alpha=0.5, merge="rrf", document=0.0, page_share=0.0))
    assert one.score == other.score == pytest.approx((1 + 61 / 62) / 2)


def test_good_pages_without_a_chunk_are_missing() -> None:
    pages = [hit(8, 3.0, page=4, kind="page"), hit(9, 2.0, page=5, kind="page"), hit(10, 1.0, page=6, kind="page")]
    lists = Lists(meaning=[hit(1, 0.5, page=5)], words=[], pages=pages)
    assert missing_pages(lists, 2) == [("a-v", 4)]
    assert missing_pages(lists, 3) == [("a-v", 4), ("a-v", 6)]
    assert missing_pages(Lists(meaning=[]), 3) == []


def test_further_chunks_of_a_page_give_way() -> None:
    hits = [hit(1, 0.90), hit(2, 0.89), hit(3, 0.88), hit(4, 0.875, page=2)]
    ranked = rank(Lists(meaning=hits), Weights(alpha=1.0, document=0.0))
    picked = pick(ranked, 4, most=2, penalty=0.2)
    assert [one.hit.id.int for one in picked] == [1, 4, 2]
    assert [one.score for one in picked] == pytest.approx([1, 0.875, 0.75])
    assert [one.hit.id.int for one in pick(ranked, 4, most=3, penalty=0.0)] == [1, 2, 3, 4]
    assert len(pick(ranked, 1, most=2, penalty=0.2)) == 1


def test_a_budget_admits_what_fits_beside_what_waits() -> None:
    budget = Budget(1.0)
    most = int(1 / FIRST_GUESS_SECONDS)
    assert budget.admitted(1000, 60) == most
    assert budget.admitted(10, 60) == 10
    assert budget.admitted(1000, 0.5) == most // 2
    budget.begin(most - 5)
    assert budget.admitted(1000, 60) == 5
    budget.begin(50)
    assert budget.admitted(1000, 60) == 0
    budget.end(50, None)
    budget.end(most - 5, 10 * FIRST_GUESS_SECONDS * (most - 5))
    assert 1 <= budget.admitted(1000, 60) < most


class Counting:
    """An embedder whose vectors are the lengths of the texts."""

    fingerprint = "counting/1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def embed(self, texts):
        import numpy as np

        self.asked += texts
        return np.array([[len(text)] for text in texts], np.float32)


async def test_a_question_asked_again_is_not_embedded_again() -> None:
    now = 0.0
    embedder = Counting()
    vectors = QueryVectors(2, 10.0, clock=lambda: now)
    for text in ("one", "one", "three", "one", "four", "one", "three"):
        assert (await vectors.of(text, embedder))[0] == len(text)  # type: ignore[arg-type]
    assert embedder.asked == ["one", "three", "four", "three"]
    now = 11.0
    await vectors.of("three", embedder)  # type: ignore[arg-type]
    assert embedder.asked[-1] == "three"
    other = Counting()
    other.fingerprint = "counting/2"
    await vectors.of("three", other)  # type: ignore[arg-type]
    assert other.asked == ["three"], "vectors of two models are never mixed"
