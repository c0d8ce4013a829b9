"""Markers are read as written: each names a chunk that was given, or is reported as unknown."""

from __future__ import annotations

import pytest

from servers.citation.markers import parse


def marks(answer: str, chunks: int = 5) -> list[tuple[str, list[int]]]:
    return [(claim.text, [mark.number for mark in claim.marks]) for claim in parse(answer, chunks).claims]


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("It opens [0].", [0]),
        ("It opens. [0]", [0]),
        ("It opens.[0]", [0]),
        ("It opens [0][2].", [0, 2]),
        ("It opens [1, 2].", [1, 2]),
        ("It opens [1; 2].", [1, 2]),
        ("It opens [0-2].", [0, 1, 2]),
        ("It opens [ 3 ].", [3]),
        ("It [0] opens [0].", [0]),
        ("It opens.\n[4]", [4]),
        ("It opens.", []),
    ],
)
def test_a_sentence_carries_the_numbers_of_its_markers_once(answer, numbers):
    ((text, found),) = marks(answer)
    assert found == numbers
    assert text == "It opens."


def test_each_mark_keeps_the_literal_marker():
    (claim,) = parse("It opens [1, 2] [0].", 3).claims
    assert [(mark.literal, mark.number) for mark in claim.marks] == [("[1, 2]", 1), ("[1, 2]", 2), ("[0]", 0)]


def test_markers_belong_to_their_own_sentence():
    assert marks("One is here [0]. Two is there [1]! Three is not.") == [
        ("One is here.", [0]),
        ("Two is there!", [1]),
        ("Three is not.", []),
    ]


def test_numbers_beyond_the_chunks_are_unknown_and_never_a_source():
    found = parse("It was so [2024]. And so [1, 9]. As said [5].", 5)
    assert found.unknown == ("[2024]", "[1, 9]", "[5]")
    assert [mark.number for claim in found.claims for mark in claim.marks] == [1]


@pytest.mark.parametrize("answer", ["See [1](https://example.org).", "A [note] here.", "x[i] = 2", "[^1] foot", "[]"])
def test_other_brackets_are_no_markers(answer):
    found = parse(answer, 5)
    assert found.unknown == ()
    assert all(not claim.marks for claim in found.claims)


def test_a_range_of_years_is_unknown_and_not_spelt_out():
    found = parse("It lasted [2019-2021] and [3-1].", 2)
    assert found.unknown == ("[2019-2021]", "[3-1]")
    assert [mark.number for mark in found.claims[0].marks] == [1]


def test_claims_stand_where_they_say():
    answer = "First [0].\n\n- second [1]\n- third"
    assert [answer[claim.start : claim.end] for claim in parse(answer, 2).claims] == [
        "First [0].",
        "- second [1]",
        "- third",
    ]


def test_an_empty_answer_has_no_claims():
    assert parse("", 3).claims == ()
    assert parse("[0]", 3).claims[0].marks[0].number == 0
