"""Citations in a terminal name document, page and words, and link to the page where that helps."""

from __future__ import annotations

import pytest

from hosts.cli.api import URL_BYTES, page_url
from hosts.cli.citations import (
    QUOTE_CHARS,
    Links,
    MarkerText,
    confidence_line,
    hyperlink,
    shortened,
    source_lines,
)
from schemas.citation import Confidence
from schemas.event import Source
from tests.hosts.cli.toy_host import citation

BASE = "http://127.0.0.1:8000"
SOURCE = Source(number=0, doc_id="doc_1", doc="manual.pdf", chunk_id="c", page=23, score=1.0, snippet="")


def test_a_source_names_document_page_and_words() -> None:
    lines = source_lines([citation()], Links())
    assert lines == ['[0] manual.pdf, page 2: "Keep hands, hair and loose clothing away"']


def test_a_printed_page_number_is_told_where_it_differs() -> None:
    (same, other) = source_lines([citation(0, page_label="2"), citation(1, page_label="xi")], Links())
    assert "page 2: " in same
    assert "page 2 (printed xi): " in other


def test_a_quote_that_was_not_verified_says_so() -> None:
    assert source_lines([citation(verified=False)], Links())[0].endswith("(not verified)")


def test_sources_are_ordered_by_marker_and_a_passage_comes_once() -> None:
    cited = [citation(1), citation(0, quote="one"), citation(0, quote="two"), citation(1, sentence="another")]
    lines = source_lines(cited, Links())
    assert [line[:3] for line in lines] == ["[0]", "[0]", "[1]"]
    assert [line.rpartition(": ")[2] for line in lines[:2]] == ['"one"', '"two"']


def test_a_document_cannot_steer_the_terminal() -> None:
    (line,) = source_lines([citation(doc="a\033[2J.pdf", quote="x\033]8;;http://evil\033\\y")], Links())
    assert "\033" not in line


def test_on_a_terminal_the_marker_links_to_the_page_with_the_words_lit() -> None:
    (line,) = source_lines([citation(quote="hot & dry")], Links(BASE))
    url = f"{BASE}/v1/documents/doc_1/pages/2/image?quote=hot+%26+dry"
    assert line.startswith(hyperlink("[0]", url) + " manual.pdf, page 2: ")


def test_a_link_that_would_be_too_long_leaves_the_words_out() -> None:
    url = page_url(BASE, "doc/1", 2, "word " * URL_BYTES)
    assert url == f"{BASE}/v1/documents/doc%2F1/pages/2/image"


def test_a_long_quote_ends_after_a_whole_word() -> None:
    text = shortened("alpha, " * 100)
    assert len(text) <= QUOTE_CHARS
    assert text.endswith("alpha…")
    assert len(shortened("x" * 1000)) == QUOTE_CHARS


@pytest.mark.parametrize("cuts", [["Hot [0]."], ["Hot ", "[", "0", "]."], ["Hot [", "0]", "."], ["Hot [0", "]."]])
def test_a_marker_becomes_a_link_however_its_text_is_cut(cuts: list[str]) -> None:
    text = MarkerText(Links(BASE), {0: SOURCE})
    shown = "".join(text.feed(piece) for piece in cuts) + text.flush()
    assert shown == f"Hot {hyperlink('[0]', page_url(BASE, 'doc_1', 23))}."


def test_text_that_is_no_marker_stays_as_it_is() -> None:
    text = MarkerText(Links(BASE), {0: SOURCE})
    shown = [text.feed("a [7] [x] [1234] ["), text.flush(), text.flush()]
    assert shown == ["a [7] [x] [1234] ", "[", ""]


def test_without_links_markers_are_plain() -> None:
    assert MarkerText(Links(), {0: SOURCE}).feed("Hot [0].\033[31m") == "Hot [0].[31m"


def test_confidence_tells_what_it_rests_on() -> None:
    confidence = Confidence(score=93, retrieval=0.9, coverage=1.0, agreement=0.876)
    assert confidence_line(confidence) == "Confidence 93 % (retrieval 90 %, coverage 100 %, agreement 88 %)"
