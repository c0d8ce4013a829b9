"""Chunks are verbatim pieces of one page, no longer than allowed, and together hold all of it."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.records.contract import PageRecord
from servers.ingestion.split import cut, split


def words(text: str) -> list[tuple[int, int]]:
    """Tokens as a simple model would see them: words, signs, and wide characters one by one."""
    return [found.span() for found in re.finditer(r"[\u2e80-\uffff]|[^\W\u2e80-\uffff]+|[^\w\s]", text)]


def tokens_in(text, start, end):
    return sum(start <= begin and stop <= end for begin, stop in words(text))


SENTENCES = " ".join(f"Sentence number {n} says a little more about pump number {n}." for n in range(40))


def test_a_short_page_is_one_chunk():
    text = "Keep hands clear. The motor runs."
    assert cut(text, words(text), size=128, overlap=32) == [(0, len(text))]


@pytest.mark.parametrize("text", ["", "   \n  "])
def test_an_empty_page_has_no_chunks(text):
    assert cut(text, words(text), size=128, overlap=32) == []


def test_chunks_end_and_begin_with_sentences():
    for start, end in cut(SENTENCES, words(SENTENCES), size=60, overlap=15):
        assert SENTENCES[start:end].startswith("Sentence number")
        assert SENTENCES[start:end].endswith(".")


def test_chunks_share_whole_sentences_up_to_the_overlap():
    spans = cut(SENTENCES, words(SENTENCES), size=60, overlap=15)
    shared = [tokens_in(SENTENCES, start, end) for (start, _), (_, end) in zip(spans[1:], spans, strict=False)]
    assert set(shared) == {12}


def test_without_overlap_nothing_is_repeated():
    spans = cut(SENTENCES, words(SENTENCES), size=60, overlap=0)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_abbreviations_do_not_end_chunks():
    text = "The seal, cf. Fig. 3, was made by Dr. Smith for the U.S. market and holds 3.5 bar. " * 8
    for start, end in cut(text, words(text), size=40, overlap=0):
        assert text[start:end].endswith("3.5 bar.")


def test_a_heading_is_not_the_end_of_a_chunk():
    body = "The pump is primed before it is started and it is checked for leaks once a week by its owner. "
    text = "\n\n".join(f"Care of pump {n}\n\n{body * 2}".strip() for n in range(12))
    for start, end in cut(text, words(text), size=90, overlap=20):
        assert re.search(r"Care of pump \d+$", text[start:end]) is None


def test_tables_are_cut_between_rows():
    text = "\n".join(f"Model {n} {n * 7} {n * 13} {n * 17}" for n in range(60))
    for start, end in cut(text, words(text), size=42, overlap=10):
        assert text[start:end].startswith("Model")
        assert start == 0 or text[start - 1] == "\n"


def test_long_sentences_are_cut_between_clauses_or_words():
    text = "the pump and the valve and " * 100
    for start, end in cut(text, words(text), size=50, overlap=10):
        assert re.match(r"\w+\b", text[start:end])
        assert text[start - 1 : start] in ("", " ")
    clauses = "; ".join(f"item {n} of the long list of parts that belong to the pump" for n in range(40))
    for start, end in cut(clauses, words(clauses), size=60, overlap=0)[:-1]:
        assert clauses[start:end].endswith(";")


def test_chinese_is_cut_at_its_full_stops():
    text = "请在使用前阅读本说明书。电机运转时请勿靠近进气口。每周清洗一次过滤器。" * 12
    for start, end in cut(text, words(text), size=60, overlap=12):
        assert text[start:end].endswith("。")


def test_ordinals_run_through_the_pages_and_no_chunk_crosses_them():
    pages = [PageRecord(1, SENTENCES), PageRecord(2, ""), PageRecord(3, "The last page.")]
    pieces = split(pages, words, size=60, overlap=15, first=7)
    assert [piece.ordinal for piece in pieces] == list(range(7, 7 + len(pieces)))
    assert {piece.page for piece in pieces} == {1, 3}
    for piece in pieces:
        assert piece.content == pages[piece.page - 1].text[piece.start : piece.end]


TEXTS = st.text(st.sampled_from("ab c.\n!?;:•\t日本。1"), max_size=400)


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.integers(4, 40), st.integers(0, 20))
def test_chunks_hold_every_word_within_their_size_and_overlap(text, size, overlap):
    overlap = min(overlap, size // 2)
    spans = cut(text, words(text), size=size, overlap=overlap)
    tokens = words(text)
    assert all(any(start <= begin and stop <= end for start, end in spans) for begin, stop in tokens)
    for start, end in spans:
        assert text[start:end] == text[start:end].strip() != ""
        assert tokens_in(text, start, end) <= size
    for (start, end), (next_start, next_end) in pairwise(spans):
        assert start < next_start
        assert end < next_end
        assert tokens_in(text, next_start, end) <= overlap
