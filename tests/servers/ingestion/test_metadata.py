"""What is told of a document makes sense, or is left out."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from servers.ingestion import metadata
from servers.ingestion.language import language


@pytest.mark.parametrize(
    ("said", "first_page", "shown"),
    [
        ("The pump guide", "Chapter 1", "The pump guide"),
        ("  The\n pump   guide ", "", "The pump guide"),
        ("Microsoft Word - The pump guide", "", "The pump guide"),
        ("Microsoft Word - guide_v3.docx", "The real title\nmore", "The real title"),
        ("0001018724-18-000005", "Annual report", "Annual report"),
        ("untitled", "First line", "First line"),
        ("Document1", "First line", "First line"),
        ("manual.pdf", "First line", "First line"),
        (None, "12\n\n3.4.5\nSafety first\nmore", "Safety first"),
        (None, "A line much too long to be a title " * 5 + "\nShort line", "Short line"),
        (None, "使用说明书\n第一章", "使用说明书"),
        (None, "12345", "manual"),
        (None, "", "manual"),
        ("x" * 400, "", "x" * 250),
    ],
)
def test_titles(said, first_page, shown):
    assert metadata.title(said, first_page, "manual.pdf") == shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [("Ada Lovelace", "Ada Lovelace"), ("anonymous", None), ("user", None), ("", None), (None, None), ("1234", None)],
)
def test_authors(said, shown):
    assert metadata.author(said) == shown


def test_dates_have_a_zone():
    assert metadata.date("2024-05-01") == datetime(2024, 5, 1, tzinfo=UTC)
    assert metadata.date("2024-05-01T10:00:00+02:00").utcoffset() == timedelta(hours=2)
    zoned = datetime(2024, 5, 1, tzinfo=timezone(timedelta(hours=-5)))
    assert metadata.date(zoned) is zoned
    assert metadata.date(datetime(2024, 5, 1)) == datetime(2024, 5, 1, tzinfo=UTC)
    assert metadata.date("last spring") is None
    assert metadata.date(None) is None


def test_warnings_count_pages():
    assert metadata.page_warnings(50, 0, 0) == ()
    assert metadata.page_warnings(50, 7, 0) == ("7 of 50 pages have no text",)
    assert metadata.page_warnings(50, 2, 2) == ("2 of 50 pages are damaged and were left out",)
    assert len(metadata.page_warnings(50, 7, 2)) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Keep hands clear of the intake while the motor runs.", "en"),
        ("Das Gerät vor dem Öffnen vom Netz trennen.", "de"),
        ("Le moteur doit être arrêté avant le nettoyage.", "fr"),
        ("请在使用前阅读说明书。", "zh"),
        ("これは取扱説明書です。", "ja"),
        ("12 34 56 78 90", None),
        ("ok", None),
        ("", None),
    ],
)
def test_languages(text, code):
    assert language(text) == code
