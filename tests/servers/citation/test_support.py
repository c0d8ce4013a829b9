"""Claims are judged by the words, numbers and negations of their references, and by meaning."""

from __future__ import annotations

import pytest

from servers.citation.figures import agree, figures, missing
from servers.citation.support import judge, passages

REFERENCE = (
    "Net sales of the grinder line rose by 12 % to $5.2 million in 2021. Repairs fell to 310 in the same year. "
    "The warranty covers the motor for five years."
)


@pytest.mark.parametrize(
    ("claim", "stated"),
    [
        ("5.2 million", "$5,234,000"),
        ("$178 billion", "177,866 (in millions)"),
        ("$177.9 billion", "$ 177,866"),
        ("12%", "12 percent"),
        ("12 %", "12.3"),
        ("3 years", "three years"),
        ("1,234.5", "1.234,5"),
        ("2,500", "2.5 thousand"),
        ("2021", "in 2021"),
        ("(42)", "-42"),
        ("1.234.567", "1,234,567"),
    ],
)
def test_numbers_that_say_the_same_agree(claim, stated):
    assert agree(figures(claim)[0], figures(stated)[0])


@pytest.mark.parametrize(
    ("claim", "stated"),
    [
        ("5.2 million", "5.3 million"),
        ("5.2 million", "5.2 billion"),
        ("12 %", "$12"),
        ("$12", "€12"),
        ("12.3", "12"),
        ("2021", "2022"),
        ("5", "5,000"),
    ],
)
def test_numbers_that_differ_in_value_unit_or_digits_do_not(claim, stated):
    assert not agree(figures(claim)[0], figures(stated)[0])


def test_missing_numbers_are_named_with_their_kind():
    found = missing("1. In 2019 sales of 7.7 million rose by $12, repairs fell to 310", [REFERENCE])
    assert [(figure.literal, kind) for figure, kind in found] == [
        ("2019", "year"),
        ("7.7 million", "number"),
        ("$12", "unit"),
    ]


def test_words_taken_over_are_supported():
    verdict = judge("Repairs fell to 310 in the same year [0].", [REFERENCE])
    assert (verdict.supported, verdict.score, verdict.reasons) == (True, 1.0, ())
    assert verdict.evidence == "Repairs fell to 310 in the same year."


def test_a_paraphrase_is_supported_when_words_or_meaning_are_near():
    claim = "Sales of the grinder line rose 12% to 5.2 million in 2021"
    assert judge(claim, [REFERENCE]).supported
    assert judge(claim, [REFERENCE], 0.85).supported
    assert judge(claim, [REFERENCE], 0.85).score > judge(claim, [REFERENCE], 0.4).score


def test_another_subject_is_not_supported():
    verdict = judge("The kettle holds two litres of water", [REFERENCE], 0.2)
    assert not verdict.supported
    assert verdict.score < 0.1


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("Net sales of the grinder line rose by 12 % to $7.9 million in 2021.", "number $7.9 million is not in"),
        ("Net sales of the grinder line rose by 12 % to $5.2 million in 2019.", "date 2019 is not in"),
        ("Net sales of the grinder line rose by $12 to $5.2 million in 2021.", "number $12 has another unit"),
        ("Net sales of the grinder line fell by 12 % to $5.2 million in 2021.", "the claim goes down"),
        ("The warranty does not cover the motor for five years.", "the claim is negated"),
    ],
)
def test_what_speaks_against_a_claim_is_said_and_lowers_its_score(claim, reason):
    verdict = judge(claim, [REFERENCE], 0.8)
    assert [found for found in verdict.reasons if found.startswith(reason)]
    assert verdict.score < judge("Net sales of the grinder line rose 12 % to $5.2 million", [REFERENCE], 0.8).score


def test_a_negated_sentence_contradicts_a_claim_that_is_not():
    verdict = judge("The warranty covers the blades for years", ["The warranty never covers the blades for two years."])
    assert "the nearest sentence is negated, the claim is not" in verdict.reasons


def test_number_one_is_no_negation():
    assert judge("It was No. 1 in sales", ["It was first in sales, No. 1 overall."]).reasons == ()


def test_a_claim_without_words_is_not_supported():
    assert not judge("[0]", [REFERENCE]).supported
    assert not judge("...", ["", "  "]).supported


def test_passages_are_pairs_of_sentences_and_the_whole():
    found = [passage.text for passage in passages([REFERENCE, "One sentence."])]
    assert len(found) == 4
    assert found[0].startswith("Net sales")
    assert found[0].endswith("same year.")
    assert found[2:] == [REFERENCE, "One sentence."]
