"""Words as terms, and which of them are names or numbers."""

from __future__ import annotations

import pytest

from runtime.models import words


def test_terms_are_stems_without_words_that_ask() -> None:
    assert words.terms("Please explain how the valves are opened!") == words.terms("valve open")


def test_numbers_count_without_their_grouping() -> None:
    assert words.terms("1,874.5") == ["1874.5"]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How many stores does Globex have in 2023?", ["Globex", "2023"]),
        ("What is Globex's revenue for FY2023?", ["Globex", "2023"]),
        ("What is the ratio (DPO) of Acme?", ["Acme"]),
        ("What does Table 4 in Section B say?", ["4"]),
        ("what is it?", []),
        ("WHAT IS THE OBJECTIVE OF ACME?", []),
        ("What Was The ACME Revenue Last Year", ["ACME"]),
        ("Globex and Acme", ["Acme"]),
    ],
)
def test_names_and_numbers_of_a_question(question: str, names: list[str]) -> None:
    found = list(words.specifics(question).values())
    assert [name for name in found if name != "B"] == names


def test_a_chinese_question_has_no_names_and_still_has_terms() -> None:
    assert words.specifics("安全警告是什么？") == {}
    assert "安全" in words.terms("安全警告是什么？", "zh")
