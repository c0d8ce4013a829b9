"""Page text is readable, and every character of it leads back to where it came from."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.pagetext import normalise, to_source

SPACES = ["\r\n", "\n", "\r", " ", "  ", "\t", "\xa0", "\u3000", "\x0c"]
MARKS = ["\ufffe", "\x02", "\xad", "-", "\u200b", "\ufeff", "\x00", "\ud835", "\uf0b7"]
LETTERS = ["\ufb01", "\ufb04", "e\u0301", "\u0301", "\u1100\u1161\u11a8", "\u0958", "\U0001d400", "é", "7"]
PIECE = st.one_of(st.sampled_from([*SPACES, *MARKS, *LETTERS, "word", "long", "term", "Bank"]), st.text(max_size=4))
RAW = st.lists(PIECE, max_size=40).map("".join)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("one\r\ntwo", "one\ntwo"),
        ("a  b\t\tc\xa0d\u3000e", "a b c d e"),
        ("  lead\r\n   and trail  \r\n", "lead\nand trail"),
        ("a\r\n\r\n \r\n\r\nb", "a\n\nb"),
        ("of\ufb01ce \ufb02oor e\ufb00ect", "office floor effect"),
        ("zero\u200bwidth\ufeff and \u202ebidi", "zerowidth and bidi"),
        ("cafe\u0301", "café"),
        ("bell\x07 null\x00 end", "bell null end"),
        ("\uf0b7 first", "• first"),
        ("compu\xad\r\ntation and soft\xadware", "computation and software"),
        ("", ""),
        ("\r\n \x00", ""),
    ],
)
def test_a_page_becomes_readable(raw, text):
    assert normalise(raw)[0] == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("the non\ufffeGAAP measure", "the non-GAAP measure"),
        ("Available-for\x02Sale", "Available-for-Sale"),
        ("a long\ufffeterm plan; long-term plans", "a long-term plan; long-term plans"),
        ("Share\ufffeholders met. All shareholders came.", "Shareholders met. All shareholders came."),
        ("a well\ufffemade thing", "a well-made thing"),
        ("a dash\ufffe ends", "a dash- ends"),
    ],
)
def test_a_hyphen_at_a_line_end_stays_where_the_page_speaks_for_a_compound(raw, text):
    assert normalise(raw)[0] == text


def test_a_page_that_breaks_many_words_has_them_joined():
    raw = "identify poten\ufffetial gains\r\nwith toxi\ufffecity in\ufffecreasing\r\nand long\ufffeterm as in long-term"
    assert normalise(raw)[0] == "identify potential gains\nwith toxicity increasing\nand long-term as in long-term"


def test_text_that_needs_no_change_has_no_offsets():
    assert normalise("plain\ntext") == ("plain\ntext", ())
    assert to_source((), 2, 5) == [(2, 3)]


def test_a_stretch_of_text_covers_what_was_dropped_inside_it():
    text, offsets = normalise("ab\r\n  c\u200bd  e")
    assert text == "ab\ncd e"
    assert to_source(offsets, 0, 6) == [(0, 11)]
    assert to_source(offsets, 3, 5) == [(6, 3)]
    assert to_source(offsets, 5, 6) == [(10, 1)]


def test_both_halves_of_a_ligature_lead_to_it():
    text, offsets = normalise("x\ufb01y")
    assert text == "xfiy"
    assert [to_source(offsets, at, at + 1) for at in range(4)] == [[(0, 1)], [(1, 1)], [(1, 1)], [(2, 1)]]


def test_a_source_that_jumps_back_gives_two_stretches():
    assert to_source(((0, 10, 5), (5, 0, 5)), 3, 8) == [(13, 2), (0, 3)]


def test_positions_beyond_the_text_are_left_out():
    _, offsets = normalise("a\r\nb")
    assert to_source(offsets, 1, 99) == [(2, 2)]
    assert to_source(offsets, 3, 9) == []
    assert to_source(offsets, 2, 2) == []


@given(RAW)
@settings(max_examples=400, deadline=None)
def test_normalised_text_is_clean_and_stays_as_it_is(raw):
    text, offsets = normalise(raw)
    assert unicodedata.is_normalized("NFC", text)
    assert text == text.strip()
    assert not any(bad in text for bad in ("  ", "\r", "\t", "\n\n\n", " \n", "\n ", "\ufffe", "\x02", "\u200b"))
    text.encode()
    assert normalise(text) == (text, ())
    assert offsets or len(text) == len(raw) or not text


@given(RAW)
@settings(max_examples=400, deadline=None)
def test_runs_are_in_order_and_cover_the_whole_text(raw):
    text, offsets = normalise(raw)
    assert sum(length for _, _, length in offsets) == (len(text) if offsets else 0)
    at = source_before = 0
    for start, source, length in offsets:
        assert start == at
        assert length > 0
        assert source >= source_before
        assert source + length <= len(raw)
        at, source_before = start + length, source
    letters = [(start + k, source + k) for start, source, length in offsets for k in range(length)]
    for position, origin in letters:
        if text[position].isascii() and text[position].isalnum() and raw[origin].isascii():
            assert text[position] == raw[origin]


@given(RAW, st.data())
@settings(max_examples=400, deadline=None)
def test_a_stretch_is_the_union_of_its_parts(raw, data):
    text, offsets = normalise(raw)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    middle = data.draw(st.integers(start, end))
    whole = to_source(offsets, start, end)
    parts = to_source(offsets, start, middle) + to_source(offsets, middle, end)
    assert len(whole) <= 1
    if parts:
        first = min(at for at, _ in parts)
        last = max(at + count for at, count in parts)
        assert whole == [(first, last - first)]
    else:
        assert whole == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("blank", [" ", "\n", "\r\n", " \n", "\xad ", "\ufffe"])
def test_a_very_long_run_of_blanks_is_no_trap(blank):
    text, _ = normalise("a" + blank * 200_000 + "b")
    assert text[0] == "a"
    assert text[-1] == "b"
