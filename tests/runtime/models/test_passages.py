"""Chunks are cut into passages that make sense on their own."""

from __future__ import annotations

import pytest

from runtime.models.passages import Passage, cut, tidy
from schemas.chunk import Chunk


def chunk(content: str, start: int = 0) -> Chunk:
    return Chunk(
        chunk_id="c", doc_id="d", doc="a.pdf", version_id="v", page=1, ordinal=0, start=start,
        end=start + len(content), content=content,
    )  # fmt: skip


def shown(*contents: str, start: int = 0) -> list[str]:
    return [passage.full for passage in cut([chunk(content, start) for content in contents])]


def test_prose_becomes_sentences_on_one_line() -> None:
    assert shown("The pump runs\nfor an hour. Then it stops of itself.") == [
        "The pump runs for an hour.",
        "Then it stops of itself.",
    ]


def test_a_row_carries_its_heading_and_the_titles_of_its_columns() -> None:
    found = shown("Balance Sheet\nDecember 31, 2022 2023\nInventories 11,461 16,047\nGoodwill 3,784 13,350")
    assert "Balance Sheet, December 31, 2022 2023: Inventories 11,461 16,047" in found
    assert "Balance Sheet, December 31, 2022 2023: Goodwill 3,784 13,350" in found


def test_rows_that_an_introduction_announces_carry_it() -> None:
    found = shown("Stores open at the end of the year were as follows:\nCanada 160\nMexico 4")
    assert "Stores open at the end of the year were as follows: Canada 160" in found


def test_a_short_list_is_one_passage_with_what_introduces_it() -> None:
    found = shown("The insert is used:\n• For tablets\n• For other coffee\nClose it afterwards with care.")
    assert found[0] == "The insert is used: For tablets; For other coffee"
    assert found[1] == "Close it afterwards with care."


def test_the_items_of_a_long_list_stand_alone_each_with_its_introduction() -> None:
    items = "\n".join(f"• {number} {'word ' * 14}end." for number in ("First", "Second", "Third", "Fourth", "Fifth"))
    found = shown(f"Do these things:\n{items}")
    assert len(found) == 5
    assert all(passage.startswith("Do these things: ") for passage in found)


def test_what_stands_in_two_chunks_comes_from_the_first() -> None:
    found = cut([chunk("It opens at 4 bar today."), chunk("It opens at 4 bar today. It closes at 3 bar today.")])
    assert [(passage.chunk, passage.text) for passage in found] == [
        (0, "It opens at 4 bar today."),
        (1, "It closes at 3 bar today."),
    ]


@pytest.mark.parametrize(
    "beginning", ["of the pump and of its filter. ", ", which is red, and so on. ", "2023, and in 2022 as well. "]
)
def test_the_rest_of_a_sentence_at_the_edge_is_a_fragment(beginning: str) -> None:
    content = f"{beginning}The pump is to be cleaned weekly."
    assert cut([chunk(content, start=100)])[0].kind == "fragment"
    assert cut([chunk(content, start=100)])[1].kind == "sentence"


def test_a_beginning_without_an_end_at_the_edge_is_a_fragment_too() -> None:
    assert cut([chunk("The pump is to be cleaned weekly. Then it is")])[-1].kind == "fragment"


@pytest.mark.parametrize(
    ("piece", "text"),
    [
        ("•  Switch off\n the machine .", "Switch off the machine."),
        ("(a) Switch it off", "Switch it off"),
        ("as shown in [3]", "as shown in (3)"),
        ("Analysis......................10", "Analysis … 10"),
        (", which is red", "which is red"),
    ],
)
def test_a_piece_is_tidied_without_changing_its_words(piece: str, text: str) -> None:
    assert tidy(piece) == text


def test_a_passage_without_end_is_cut() -> None:
    text = tidy("one, " * 200)
    assert text.endswith("…")
    assert len(text.split()) <= 92


def test_furniture_and_nothing_give_nothing_to_quote() -> None:
    assert cut([chunk("   \n ")]) == []
    assert {passage.kind for passage in cut([chunk("Table of Contents\nContents")])} == {"fragment"}


def test_a_passage_shows_its_lead_only_when_it_has_one() -> None:
    assert Passage(0, 0, "row", "b 1").full == "b 1"
    assert Passage(0, 0, "row", "b 1", "a").full == "a: b 1"
