"""Quotes are found in the pages of a document, also where they go on overleaf."""

from __future__ import annotations

import pytest

from servers.citation.locate import PageText
from servers.citation.volume import find_in_pages, overleaf

BLADES = "The blades are made of hardened steel and stay sharp for about 3,500 hours."
BOWL = "Dry the bowl with a soft cloth; the office keeps a spare."
QUOTE = "Never put the motor unit into water, and never let children use the grinder without an adult beside them."
FOOT = "Never put the motor unit into water, and never let\n14 | The coffee grinder"
HEAD = "Chapter 2. Cleaning\nchildren use the grinder without an adult beside them. Keep it dry."


def words(pages, places):
    return [(index, pages[index][match.start : match.end]) for index, match in places]


def test_the_page_of_a_quote_is_found():
    pages = ["Nothing of note here.", f"{BLADES} {BOWL}", "Other words about steel and hours and hands."]
    assert words(pages, find_in_pages("stay sharp for about 3,500 hours", pages)) == [
        (1, "stay sharp for about 3,500 hours")
    ]
    ((page, match),) = find_in_pages("Dry bowl with a very soft cloth; the office has a spare", pages)
    assert (page, match.kind) == (1, "fuzzy")
    assert find_in_pages("wholly unrelated sentence concerning submarines", pages) == ()
    assert find_in_pages("anything", []) == ()


def test_a_quote_that_goes_on_overleaf_is_found_on_both_pages():
    pages = [BLADES, f"{BOWL} {FOOT}", HEAD]
    places = find_in_pages(QUOTE, pages)
    assert [match.kind for _, match in places] == ["exact", "exact"]
    assert words(pages, places) == [
        (1, "Never put the motor unit into water, and never let"),
        (2, "children use the grinder without an adult beside them"),
    ]


def test_a_word_broken_at_the_end_of_a_page_is_found_on_both():
    pages = ["Never put the motor unit into water, and never let chil-", "dren use the grinder without an adult."]
    places = find_in_pages("Never put the motor unit into water, and never let children use the grinder", pages)
    assert words(pages, places) == [
        (0, "Never put the motor unit into water, and never let chil"),
        (1, "dren use the grinder"),
    ]


@pytest.mark.parametrize(
    ("quote", "page", "following"),
    [
        pytest.param(QUOTE, FOOT, BOWL, id="the rest is missing"),
        pytest.param(QUOTE, BOWL, HEAD, id="the beginning is missing"),
        pytest.param(QUOTE, FOOT.replace("and never let", ""), HEAD, id="words between are missing"),
        pytest.param("Never put it in water, and", "Never put it in water,", "and so on", id="a part is too short"),
        pytest.param(
            "Never put it in water, the engine would rust",
            f"Never put it in water. {BLADES * 4}",
            "The engine would rust.",
            id="a short beginning is in the middle of its page",
        ),
        pytest.param(
            "Never put it in water, the engine would rust",
            "Never put it in water,",
            f"{BLADES * 4} The engine would rust.",
            id="a short rest is in the middle of its page",
        ),
    ],
)
def test_parts_that_do_not_go_on_overleaf_are_not_put_together(quote, page, following):
    assert overleaf(quote, PageText(page), PageText(following)) is None
