"""Sentences are sampled by plain rules, and what another reader finds under boxes is held against them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from schemas.citation import Located, Rect, Span
from tests.benchmarks import locating
from tests.benchmarks.locating import Outcome, Sample, Word

TEXT = """Contents ........ 4 The Mill
The board approved the lease of its storage silos for 5.2 million in the
second quarter. Sales rose. The audit committee reviewed contingent liabilities, as note 4 says. Total 4 5 6 7 8 9 10
11 12 13 14 15. The"""


def test_sentences_of_running_text_are_sampled_and_rows_of_figures_are_not():
    assert list(locating.sentences(TEXT)) == ["The audit committee reviewed contingent liabilities, as note 4 says."]
    assert list(locating.sentences(f"Here it begins. {TEXT.partition(chr(10))[2]}")) == [
        "The board approved the lease of its storage silos for 5.2 million in the second quarter.",
        "The audit committee reviewed contingent liabilities, as note 4 says.",
    ]


def test_words_too_many_lower_precision_and_words_too_few_recall():
    wanted = locating.letters("The oﬃce keeps a spare.")
    assert wanted == "theofficekeepsaspare"
    assert locating.agreement(wanted, wanted) == (1.0, 1.0)
    precision, recall = locating.agreement(wanted, wanted + "andanotherone")
    assert precision < locating.RIGHT
    assert recall == 1.0
    precision, recall = locating.agreement(wanted, wanted[:12])
    assert precision == 1.0
    assert recall < locating.RIGHT
    assert locating.agreement(wanted, "") == (0.0, 0.0)


def test_only_words_whose_middle_is_in_a_box_are_under_it(monkeypatch):
    words = (Word("in", 0.5, 0.5), Word("beside", 0.8, 0.5), Word("below", 0.5, 0.6))
    monkeypatch.setattr(locating, "words_of", lambda path, page: words)
    assert locating.under(Path("x.pdf"), 1, [Rect(x=0.4, y=0.45, width=0.2, height=0.1)]) == ["in"]


def test_the_report_counts_kinds_and_shows_what_was_missed_or_looks_wrong():
    sample = Sample(Path("made.pdf"), 3, "The office keeps a spare.")
    box = Rect(x=0.1, y=0.1, width=0.5, height=0.02)
    found = Located(
        doc_id="d", found=True, match="exact", score=1.0, quote="q", spans=(Span(page=3, start=0, end=1, rects=(box,)),)
    )
    none = Located(doc_id="d", found=False, match="none", score=0.0)
    outcomes = [
        Outcome(sample, found, 1.0, 1.0, "theofficekeepsaspare"),
        Outcome(sample, found, 0.5, 1.0, "theofficekeepsaspareandmore"),
        Outcome(sample, none, 0.0, 0.0, ""),
    ]
    told = locating.report(outcomes, [0.01, 0.02, 0.03], Counter(kept=3))
    assert "3 sampled: exact 2, fuzzy 0, not located 1 (66.67% located)" in told
    assert "below 0.95 in either: 1" in told
    assert told.count("NO BOX made.pdf page 3: none") == 1
    assert told.count("TO LOOK AT made.pdf page 3: exact") == 1
