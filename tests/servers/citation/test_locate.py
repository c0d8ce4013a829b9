"""Quotes are found on pages letter for letter, with slips, with words left out and with ellipses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from servers.citation.canonical import bare, canonical
from servers.citation.locate import LEAST_CHARS, PageText, exact, find

TEXT = """Section 4. Cleaning
Keep hands clear of the intake while the motor runs, and unplug the
grinder before you clean the “blades”. The blades are made of hard-
ened steel and stay sharp for about 3,500 hours.
Dry the bowl with a soft cloth; the office keeps a spare.
Repairs cost $120 on average, which is 12 % less than in other years."""
PAGE = PageText(TEXT)


def found_text(quote: str) -> str | None:
    match = find(quote, PAGE)
    return match and " … ".join(TEXT[start:end] for start, end in match.spans)


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("unplug the grinder before you clean", "unplug the\ngrinder before you clean"),
        ('clean the "blades".', "clean the “blades"),
        ("3,500 hours.\nDry", "3,500 hours.\nDry"),
        ("(office keeps a spare.)", "office keeps a spare."),
        ("HARDENED STEEL", "hard-\nened steel"),
        ("about 3,500 hours", "about 3,500 hours"),
        ("the oﬃce keeps", "the office keeps"),
        ("$120 on average", "$120 on average"),
    ],
)
def test_a_quote_is_found_whatever_its_spaces_quotes_and_case(quote, words):
    match = find(quote, PAGE)
    assert match is not None
    assert match.kind == "exact"
    assert match.score == 1
    assert found_text(quote) == words


def test_a_quote_with_slips_of_letters_is_found():
    match = find("Kep hands cleer of the intake while the motr runs and unplug", PAGE)
    assert match is not None
    assert match.kind == "fuzzy"
    assert 0.75 <= match.score < 1
    assert TEXT[match.start : match.end].startswith("Keep hands")
    assert TEXT[match.start : match.end].endswith("unplug")


def test_a_quote_with_words_left_out_covers_the_whole_passage():
    assert (
        found_text("Keep hands clear the intake while motor runs, and unplug grinder before clean the blades")
        == (TEXT[TEXT.index("Keep") : TEXT.index("”")])
    )


def test_an_ellipsis_gives_the_parts_on_either_side():
    match = find("Keep hands clear of the intake ... stay sharp for about 3,500 hours", PAGE)
    assert match is not None
    assert match.kind == "exact"
    assert [TEXT[start:end] for start, end in match.spans] == [
        "Keep hands clear of the intake",
        "stay sharp for about 3,500 hours",
    ]


def test_parts_of_an_ellipsis_must_stand_in_their_order():
    assert find("stay sharp for about 3,500 hours … Keep hands clear of the intake", PAGE) is None


def test_other_words_are_not_found():
    assert find("The kettle holds one point seven litres of water when full", PAGE) is None
    assert find("motor boat", PAGE) is None
    assert find("¿?", PAGE) is None


def test_of_two_places_the_nearer_one_is_meant():
    page = PageText("the same words here. other things stand between. the same words here.")
    assert exact("the same words", page) == (0, 14)
    assert exact("the same words", page, near=60) == (49, 63)


def test_a_place_on_word_borders_is_preferred():
    page = PageText("Thematic art. The map art.")
    assert exact("art", page) == (9, 12)
    assert exact("hematic art the", page) == (1, 17)
    assert exact("map", PageText("Nomaps. A map.")) == (10, 13)


@pytest.mark.parametrize(
    ("quote", "text"),
    [
        ("310", "They cost 3,310 dollars."),
        ("45", "It took 45.6 hours."),
        ("5 hours", "In 3.5 hours."),
        ("art", "Parts."),
    ],
)
def test_a_short_quote_is_not_found_inside_a_longer_word_or_number(quote, text):
    assert find(quote, PageText(text)) is None


def test_a_number_that_ends_a_sentence_or_stands_in_a_list_is_whole():
    assert exact("310", PageText("Repairs fell to 310.")) == (16, 19)
    assert exact("310", PageText("In 310, 3,310 and 1.")) == (3, 6)


def test_a_quote_with_slips_keeps_its_first_and_last_words():
    quote = "Keep hands clear of the in ke while the mo r runs, and unplug the grin er bef e you clean the blades."
    match = find(quote, PAGE)
    assert match is not None
    assert match.kind == "fuzzy"
    found = TEXT[match.start : match.end]
    assert (found.split()[0], found.split()[-1].strip(".”")) == ("Keep", "“blades")


@pytest.mark.parametrize(
    ("quote", "is_found"),
    [
        ("Repair costs of $120 on average, that is 12 % less than in other years", True),
        ("Repair costs of $120 on average, that is less than in other years", True),
        ("Repair costs of $140 on average, that is 12 % less than in other years", False),
        ("Repair costs of $120 on average, that is 21 % less than in other years", False),
        ("blades are made of harder steel and stay sharp for about 3500 hours", True),
        ("blades are made of harder steel and stay sharp for about 4,500 hours", False),
    ],
)
def test_a_sentence_like_the_quote_but_with_other_figures_is_another_one(quote, is_found):
    match = find(quote, PAGE)
    assert (match is not None) == is_found
    assert match is None or match.kind == "fuzzy"


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_canonical_characters_lead_back_to_where_they_came_from(text):
    made = canonical(text)
    assert made.text == bare(text)
    assert len(made.places) == len(made.text)
    assert list(made.places) == sorted(made.places)
    for index, place in enumerate(made.places):
        assert made.text[index] in bare(text[place])


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_every_long_stretch_is_found_exactly(data):
    start = data.draw(st.integers(0, len(TEXT) - 1))
    end = data.draw(st.integers(start + 1, len(TEXT)))
    quote = TEXT[start:end]
    place = exact(quote, PAGE, near=start)
    if len(bare(quote)) >= LEAST_CHARS or (bare(quote) and place is not None):
        assert place is not None
        assert bare(TEXT[slice(*place)]) == bare(quote)
    elif not bare(quote):
        assert place is None
