"""The manual of the demo is made by its script, and says what the demo asks about."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from pypdf import PdfReader

from hosts.cli import demo_manual
from hosts.cli.demo import MANUAL

PACKAGED = Path(str(files("hosts.cli") / MANUAL))


@pytest.fixture
def rebuilt(tmp_path: Path) -> Iterator[Path]:
    before = os.environ.get("SOURCE_DATE_EPOCH")
    demo_manual.make(tmp_path / MANUAL)
    yield tmp_path / MANUAL
    os.environ.pop("SOURCE_DATE_EPOCH")
    if before is not None:
        os.environ["SOURCE_DATE_EPOCH"] = before


def texts(path: Path) -> list[str]:
    return [page.extract_text() for page in PdfReader(path).pages]


def test_the_packaged_manual_is_what_its_script_makes(rebuilt: Path) -> None:
    assert texts(PACKAGED) == texts(rebuilt)
    assert PdfReader(PACKAGED).metadata == PdfReader(rebuilt).metadata


def test_the_script_makes_the_same_bytes_each_time(rebuilt: Path, tmp_path: Path) -> None:
    demo_manual.make(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == rebuilt.read_bytes()


def test_the_manual_is_small_has_eight_pages_and_knows_who_made_it() -> None:
    reader = PdfReader(PACKAGED)
    assert PACKAGED.stat().st_size < 100_000
    assert len(reader.pages) == 8
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == (demo_manual.TITLE, demo_manual.AUTHOR)


def test_each_section_begins_on_the_page_of_its_number() -> None:
    pages = texts(PACKAGED)
    for number, heading in enumerate(
        ["About this", "Safety", "Technical", "Setting up", "Grinding", "Maintenance", "Troubleshooting", "Warranty"], 1
    ):
        assert f"{number} {heading}" in pages[number - 1]
    assert "safety warnings" in pages[1]
