"""Sentences end where a reader would say so: in prose, on pages with wrapped lines, in tables and in answers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.sentences import sentences


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["One is here.", "Two is there!", "Is it three?", "Yes."],
        ["Revenue rose 3.5 % to $1.2 million.", "Costs fell by 0.7 %."],
        ["Acme Inc. reported it.", "Dr. Smith of the U.S. office agreed."],
        ["He works at Acme Corp.", "The pay is good."],
        ["J. K. Rowling met Mr. Lee at 5 p.m. on Monday."],
        ["See No. 5, Fig. 2 and e.g. Table 3.", "Then stop."],
        ["It filed its 10-K.", "Revenue fell."],
        ["Item 1. Business.", "Then more."],
        ['He said "It works."', "She left (see Note 5.)", "Done."],
        ["Wait...", "No more."],
        ["It costs approx. five dollars in the U.S. today."],
        ["Smith et al. (2023) found it.", "Others did not."],
        ["Danach kam er z. B. nach ca. 5 Tagen an.", "Gut."],
    ],
)
def test_a_stop_ends_a_sentence_only_where_it_is_one(parts):
    assert split(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["今天天气很好。", "我们去公园吧！", "你呢？"],
        ["「行きます。」", "彼は言った。"],
        ["هل هذا صحيح؟", "نعم۔"],
        ["यह है।", "वह है।"],
    ],
)
def test_stops_of_other_scripts_need_no_space_and_no_capital(parts):
    assert split("".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["Sales rose [0].", "Costs fell [1][2].", "Both are known [1, 2]."],
        ["Rates were 2.2 % [0].", "(c) Return on equity is net income by equity [1].", "iPads sold well [2]."],
        ["Acme Inc. [0] reported it.", "All is well (a) here and (b) there.", "(b) Then this."],
        ["Sales rose.[0]", "Costs fell. [1] [2]", "That is all."],
        ["今年增长[0]。", "明年再说。[1]", "完了。"],
    ],
)
def test_markers_stay_with_the_sentence_before_them(parts):
    joined = " ".join(parts) if parts[0].isascii() else "".join(parts)
    assert split(joined) == parts


def test_each_line_of_an_answer_with_bullets_is_a_sentence():
    text = "Two things matter:\n- the fees fell [0]\n- the fines rose [1]\n\nIn short: more [0]\nAnd less [1]"
    assert split(text) == text.replace("\n\n", "\n").split("\n")


WRAPPED = """Critical Accounting Estimates
We recognise revenue when control passes to the customer, which in most
cases is when goods are delivered. Inc. and other abbreviations, as in Acme
Inc. and its affiliates, are no stops. The amount is $3.5 million as of the
date of this report and may change from one year to the next
Net sales $ 1,093 $ 1,874
Cost of sales 840 901
• Providing quality products to customers at low prices in many of our
stores and online
The following shows how many units were sold in the last two years of all:"""


def test_wrapped_lines_run_on_and_headings_rows_and_items_stand_alone():
    assert split(WRAPPED) == [
        "Critical Accounting Estimates",
        "We recognise revenue when control passes to the customer, which in most\ncases is when goods are delivered.",
        "Inc. and other abbreviations, as in Acme\nInc. and its affiliates, are no stops.",
        "The amount is $3.5 million as of the\ndate of this report and may change from one year to the next",
        "Net sales $ 1,093 $ 1,874",
        "Cost of sales 840 901",
        "• Providing quality products to customers at low prices in many of our\nstores and online",
        "The following shows how many units were sold in the last two years of all:",
    ]


def test_an_empty_line_always_ends_a_sentence():
    assert split("which goes on and\n\non") == ["which goes on and", "on"]


@pytest.mark.parametrize("text", ["", " \n\n ", "\n"])
def test_nothing_holds_no_sentences(text):
    assert sentences(text) == []


TEXT = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [". ", "! ", "。", "\n", "\n\n", " [0]", "[1, 2]", "Inc. ", "3.5", "The ", "• ", '."', "a", "1. "]
        ),
        st.text("abcdef ", min_size=20, max_size=60),
    ),
    max_size=25,
).map("".join)


@given(TEXT)
@settings(max_examples=400, deadline=None)
def test_sentences_are_in_order_and_hold_every_word(text):
    end_before = 0
    for start, end in sentences(text):
        assert end_before <= start < end <= len(text)
        assert not text[end_before:start].strip()
        assert text[start:end] == text[start:end].strip()
        end_before = end
    assert not text[end_before:].strip()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("part", [".", ". ", "a. ", "[0]", "\n", "a.", "1.", "' ", "x\n"])
def test_no_repetition_is_a_trap(part):
    assert sum(end - start for start, end in sentences("A " + part * 50_000)) > 0
