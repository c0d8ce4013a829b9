"""The quote chosen for a sentence is verbatim and says what the sentence says."""

from __future__ import annotations

from runtime.sentences import sentences
from servers.citation import spans
from servers.citation.align import quote

TEXT = """Results of the year
Net sales of grinders rose by 12 % to $5.2 million in 2021.
Net sales of kettles rose by 3 % to $1.4 million in 2021.
The new model sold well in Norway. Repairs fell to 310.
Repairs in Denmark were handled by Larsen. He retired in May."""
ALL = (0, len(TEXT))


def chosen(claim: str, passage: tuple[int, int] = ALL, text: str = TEXT) -> str:
    start, end = quote(claim, text, passage, sentences(text))
    assert passage[0] <= start < end <= passage[1]
    return text[start:end]


def test_words_copied_from_the_page_are_their_own_quote():
    assert chosen("The new model sold well in Norway.") == "The new model sold well in Norway."
    assert chosen("rose by 3 % to $1.4 million") == "rose by 3 % to $1.4 million"


def test_numbers_decide_between_sentences_of_the_same_words():
    assert chosen("Sales went up to 1.4 million dollars") == "Net sales of kettles rose by 3 % to $1.4 million in 2021."
    assert chosen("Sales went up 12%") == "Net sales of grinders rose by 12 % to $5.2 million in 2021."


def test_names_decide_between_sentences_of_the_same_words():
    assert chosen("Who handled repairs was Larsen") == "Repairs in Denmark were handled by Larsen."


def test_two_sentences_are_quoted_where_both_are_needed():
    assert chosen("In Norway the new model sold well, while repairs fell to 310") == (
        "The new model sold well in Norway. Repairs fell to 310."
    )


def test_one_sentence_is_quoted_where_it_is_enough():
    assert chosen("Larsen did repairs in Denmark") == "Repairs in Denmark were handled by Larsen."


def test_the_quote_stays_within_the_passage():
    start = TEXT.index("The new model")
    passage = (start, len(TEXT))
    assert "kettles" not in chosen("Sales of kettles rose", passage)


def test_a_sentence_that_shares_no_word_still_gets_a_verbatim_quote():
    assert chosen("Völlig anderes Thema hier") in TEXT


def test_a_very_long_sentence_is_quoted_in_part():
    text = "alpha " * 200 + "the needle word " + "omega " * 200
    found = chosen("where is the needle", (0, len(text)), text)
    assert "needle" in found
    assert len(found) <= 600


def test_a_passage_without_words_is_its_own_quote():
    assert quote("claim", "  \n ", (0, 4), []) == (0, 4)


# spans ---------------------------------------------------------------------------------------------------------------


def test_a_chunk_is_anchored_where_it_says_or_wherever_its_words_stand():
    start = TEXT.index("Repairs fell")
    words = "Repairs fell to 310."
    assert spans.anchor(words, start, start + len(words), TEXT) == (start, start + len(words))
    assert spans.anchor(words, 3, 9, TEXT) == (start, start + len(words))
    assert spans.anchor("repairs  fell to 310", 0, 5, TEXT) == (start, start + len(words) - 1)
    assert spans.anchor("never said here", 0, 5, TEXT) is None


def test_context_is_two_whole_sentences_on_either_side():
    there = sentences(TEXT)
    start = TEXT.index("The new model")
    before, after = spans.context(TEXT, (start, start + 34), there)
    assert [TEXT[a:b] for a, b in before] == [
        "Net sales of grinders rose by 12 % to $5.2 million in 2021.",
        "Net sales of kettles rose by 3 % to $1.4 million in 2021.",
    ]
    assert [TEXT[a:b] for a, b in after] == ["Repairs fell to 310.", "Repairs in Denmark were handled by Larsen."]


def test_there_is_no_context_beyond_the_page():
    assert spans.context("Only one.", (0, 9), [(0, 9)]) == ([], [])


def test_long_context_is_cut_on_the_far_side():
    text = "x " * 400 + "end. Quote here. " + "y " * 400 + "end."
    start = text.index("Quote")
    there = [(0, start - 1), (start, start + 11), (start + 12, len(text))]
    before, after = spans.context(text, (start, start + 11), there)
    assert text[slice(*before[0])].endswith("x end.")
    assert text[slice(*after[0])].startswith("y y")
    assert all(300 < end - begin <= 400 for begin, end in [*before, *after])


def test_a_second_sentence_that_does_not_fit_is_left_out():
    text = "a" * 390 + ". " + "b" * 30 + ". Quote. "
    there = [(0, 391), (392, 423), (424, 430)]
    before, _ = spans.context(text, (424, 430), there)
    assert before == [(392, 423)]
