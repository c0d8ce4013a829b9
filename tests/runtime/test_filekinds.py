"""Kinds of files are told by ending and content, encodings of texts by their bytes."""

import pytest

from runtime import filekinds
from runtime.errors import UnsupportedMediaError


@pytest.mark.parametrize("name", ["photo.png", "README", "archive.tar.gz", ".pdf"])
def test_other_endings_are_refused_with_those_that_are_not(name):
    with pytest.raises(UnsupportedMediaError, match=r"\.pdf, \.docx"):
        filekinds.media_type_of(name)


def test_endings_count_in_any_case():
    assert filekinds.media_type_of("MANUAL.PDF") == filekinds.PDF


@pytest.mark.parametrize(
    ("kind", "head", "tail", "fits"),
    [
        (filekinds.PDF, b"%PDF-1.7 ...", b"%%EOF", True),
        (filekinds.PDF, b"\n" * 1000 + b"%PDF-1.7", b"", True),
        (filekinds.PDF, b"\n" * 1020 + b"%PDF-1.7", b"", False),
        (filekinds.PDF, b"PK\x03\x04", b"word/", False),
        (filekinds.DOCX, b"PK\x03\x04....word/document.xml", b"", True),
        (filekinds.DOCX, b"PK\x03\x04....", b"..word/document.xml..", True),
        (filekinds.DOCX, b"PK\x03\x04....xl/workbook.xml", b"xl/workbook.xml", False),
        (filekinds.DOCX, b"{\\rtf1", b"word/", False),
        (filekinds.TEXT, b"plain words", b"", True),
        (filekinds.TEXT, "caf\xe9".encode("latin-1"), b"", True),
        (filekinds.TEXT, "wide".encode("utf-16"), b"", True),
        (filekinds.TEXT, b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"", False),
        (filekinds.MARKDOWN, b"%PDF-1.4 of all things", b"", False),
        (filekinds.HTML, b"<!doctype html><p>hello", b"", True),
        (filekinds.HTML, bytes(range(32)) * 10, b"", False),
    ],
)
def test_kinds_are_told_by_content(kind, head, tail, fits):
    assert filekinds.is_kind(kind, head, tail) is fits


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"ascii", "utf-8"),
        ("grün".encode(), "utf-8"),
        (b"\xef\xbb\xbfmarked", "utf-8-sig"),
        ("wide".encode("utf-16"), "utf-16"),
        ("wide words without a mark".encode("utf-16-le"), "utf-16-le"),
        ("wide words without a mark".encode("utf-16-be"), "utf-16-be"),
        ("wider".encode("utf-32"), "utf-32"),
        ("grün".encode("latin-1"), "cp1252"),
        (b"\x81\x8d words", "latin-1"),
        (b"\x00\x01\x02\x03\x04\x05", None),
        (b"\x01\x02\x03 some words", None),
    ],
)
def test_encodings_of_texts_are_told(data, encoding):
    assert filekinds.text_encoding(data) == encoding


def test_a_letter_cut_in_two_at_the_end_of_a_head_is_no_fault():
    head = "grün".encode()[:3]
    assert filekinds.text_encoding(head, whole=False) == "utf-8"
    assert filekinds.text_encoding(head) == "cp1252"
