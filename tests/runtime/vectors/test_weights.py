"""Stored weights are BM25's, and give back the counts that they were made of."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.vectors.weights import (
    K1,
    MARK,
    MOST_COUNT,
    B,
    average_length,
    counted,
    grid_step,
    reweigh,
    weigh,
)

COUNTS = st.dictionaries(st.integers(0, MARK - 1), st.integers(1, 5 * MOST_COUNT), max_size=40)
STEPS = st.integers(0, 320)


def stored(values: list[float]) -> list[float]:
    """What single precision leaves of them."""
    return list(struct.unpack(f"{len(values)}f", struct.pack(f"{len(values)}f", *values)))


@given(COUNTS, st.integers(0, 1_000_000), STEPS)
def test_counts_come_back_exactly(counts: dict[int, int], more: int, step: int) -> None:
    length = sum(counts.values()) + more
    indices, values = weigh(counts, length, step)
    assert counted(indices, stored(values), length) == {
        index: min(count, MOST_COUNT) for index, count in counts.items()
    }


@given(COUNTS, STEPS, STEPS)
def test_weighing_anew_is_as_good_as_weighing_at_once(counts: dict[int, int], before: int, after: int) -> None:
    length = sum(counts.values())
    indices, values = weigh(counts, length, before)
    assert reweigh(indices, stored(values), length, after) == weigh(counts, length, after)


def test_weights_are_those_of_the_formula() -> None:
    indices, values = weigh({7: 3, 5: 1}, 4, grid_step(10))
    norm = K1 * (1 - B + B * 4 / average_length(grid_step(10)))
    assert indices == [5, 7, MARK]
    assert values == [(K1 + 1) / (1 + norm), 3 * (K1 + 1) / (3 + norm), grid_step(10)]


@given(st.floats(1, 1e6))
def test_the_grid_is_never_further_than_half_a_step(average: float) -> None:
    assert 1 / 1.025 < average_length(grid_step(average)) / average < 1.025


@pytest.mark.parametrize("average", [0, 0.5, 1])
def test_hardly_any_words_are_the_first_step(average: float) -> None:
    assert grid_step(average) == 0
