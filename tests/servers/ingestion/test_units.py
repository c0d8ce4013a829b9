"""What is indexed has ids made from content, a prefix that tells its place, and the facts that a hit shows."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from runtime.records.contract import PageRecord
from runtime.vectors.terms import terms
from schemas.document import Document
from servers.ingestion.pages import Extraction
from servers.ingestion.settings import ChunkTokens
from servers.ingestion.split import Piece
from servers.ingestion.units import Maker, fingerprint, fitted, name_words, prefix, version_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT = Document(
    doc_id="doc_1", filename="pump_guide.pdf", status="processing", sha256="ab" * 32, created_at=NOW, updated_at=NOW
)
FACTS = Extraction(
    pages=3,
    paging="exact",
    title="The pump guide",
    author=None,
    date=datetime(2024, 5, 1, tzinfo=UTC),
    language="en",
    warnings=(),
)
PRINT = fingerprint("model/1", ChunkTokens(128, 32))
MAKER = Maker("local", DOCUMENT, PRINT, FACTS)
PAGE = PageRecord(2, "Care\nClean the filters weekly.\nKeep hands clear.", label="ii")
PIECE = Piece(page=2, ordinal=5, start=5, end=30, content="Clean the filters weekly.")


def test_a_chunk_carries_all_that_a_hit_shows():
    vector = np.ones(4, np.float32)
    unit = MAKER.chunk(PIECE, PAGE, vector)
    assert (unit.kind, unit.document, unit.page, unit.language) == ("chunk", "doc_1", 2, "en")
    assert unit.date == date(2024, 5, 1)
    assert unit.dense is vector
    assert unit.payload == {
        "doc": "pump_guide.pdf",
        "title": "The pump guide",
        "page_label": "ii",
        "language": "en",
        "ordinal": 5,
        "start": 5,
        "end": 30,
        "content": "Clean the filters weekly.",
    }
    assert set(terms("pump guide care filters weekly", "en")) <= set(unit.terms)


def test_pages_and_documents_carry_words_and_no_vector():
    page, prior = MAKER.page(PAGE), MAKER.prior([PageRecord(1, ""), PAGE, PageRecord(3, "More."), PageRecord(4, "Far")])
    assert (page.kind, page.page, page.dense) == ("page", 2, None)
    assert set(terms("hands filters pump", "en")) <= set(page.terms)
    assert (prior.kind, prior.page, prior.dense) == ("document", 2, None)
    assert set(terms("pump guide filters more", "en")) <= set(prior.terms)
    assert not set(terms("far", "en")) & set(prior.terms)


def test_ids_depend_on_all_that_makes_a_chunk_and_on_nothing_else():
    assert MAKER.chunk(PIECE, PAGE, np.ones(4)).id == MAKER.chunk_id(5)
    again = DOCUMENT.model_copy(update={"doc_id": "doc_2", "filename": "b.pdf", "status": "completed"})
    assert Maker("local", again, PRINT, FACTS).chunk_id(5) == MAKER.chunk_id(5)
    others = [
        MAKER.chunk_id(6),
        MAKER.page(PageRecord(5, "x")).id,
        Maker("other", DOCUMENT, PRINT, FACTS).chunk_id(5),
        Maker("local", DOCUMENT.model_copy(update={"sha256": "cd" * 32}), PRINT, FACTS).chunk_id(5),
        Maker("local", DOCUMENT, fingerprint("model/2", ChunkTokens(128, 32)), FACTS).chunk_id(5),
    ]
    assert len({MAKER.chunk_id(5), *others}) == 6
    assert all(found.version == 5 for found in others)


def test_a_version_is_the_bytes_and_the_pipeline():
    assert MAKER.version == version_id("local", DOCUMENT, PRINT)
    assert MAKER.version != version_id("local", DOCUMENT, fingerprint("model/1", ChunkTokens(64, 32)))


@pytest.mark.parametrize(
    ("filename", "text", "expected"),
    [
        ("pump_guide.pdf", "Care\nClean the filters.\nMore.", "pump guide. Care Clean the filters."),
        ("a.pdf", "\n\nCare\n\nClean", "a. Care Clean."),
        ("a.pdf", "x" * 300, f"a. {'x' * 100}."),
    ],
)
def test_prefixes(filename, text, expected):
    assert prefix(filename, text) == expected


def test_names_become_words():
    assert name_words("annual__report 2024.final.pdf") == "annual report 2024.final"


@pytest.mark.parametrize(
    ("wanted", "window", "chunks"),
    [
        (ChunkTokens(128, 32), 256, ChunkTokens(128, 32)),
        (ChunkTokens(512, 50), 8191, ChunkTokens(512, 50)),
        (ChunkTokens(512, 50), 256, ChunkTokens(206, 50)),
        (ChunkTokens(512, 256), 256, ChunkTokens(206, 103)),
        (ChunkTokens(128, 32), 16, ChunkTokens(1, 0)),
    ],
)
def test_a_chunk_and_its_prefix_fit_in_the_window_of_the_model(wanted, window, chunks):
    assert fitted(wanted, window) == chunks
