"""Markers are found, placed, and kept from arising out of quoted text."""

from __future__ import annotations

import pytest

from runtime.models import markers


@pytest.mark.parametrize(
    ("sentence", "marked"),
    [
        ("It opens at 4 bar.", "It opens at 4 bar [0]."),
        ("Does it open?", "Does it open [0]?"),
        ("“It opens.”", "“It opens [0].”"),
        ("Total assets 17,003 17,426", "Total assets 17,003 17,426 [0]."),
        ("as follows:", "as follows [0]."),
        ("阀门打开。", "阀门打开 [0]。"),
        ("and so on …", "and so on [0]…"),
    ],
)
def test_a_marker_stands_before_the_closing_stop(sentence: str, marked: str) -> None:
    assert markers.marked(sentence, 0) == marked


@pytest.mark.parametrize(
    ("text", "neutral"),
    [
        ("as shown in [3]", "as shown in (3)"),
        ("see [1, 2] and [4-6]", "see (1, 2) and (4-6)"),
        ("per 【7】 and ［8］", "per (7) and (8)"),
        ("[sic] and [a1] stay", "[sic] and [a1] stay"),
        ("nothing", "nothing"),
    ],
)
def test_numbers_in_brackets_lose_their_brackets(text: str, neutral: str) -> None:
    assert markers.neutral(text) == neutral
    assert markers.numbers(neutral) == ()


def test_markers_are_read_in_order() -> None:
    assert markers.numbers("a [1][0]. b [1]. c [1234] [x]") == (1, 0, 1)
