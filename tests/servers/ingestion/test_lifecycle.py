"""What each event makes of a document."""

from datetime import UTC, datetime

import pytest

from runtime.errors import FingerprintError, StoreUnavailableError
from schemas.document import Document
from servers.ingestion.lifecycle import (
    Cancelled,
    Chunking,
    Embedding,
    Extracting,
    Failed,
    Indexing,
    Queued,
    Retrying,
    after,
    completion,
    differences,
    retry_after,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING = Document(doc_id="doc_1", filename="a.pdf", status="pending", created_at=NOW, updated_at=NOW)
PROBLEM = StoreUnavailableError("the store is away").problem()


@pytest.mark.parametrize(
    ("event", "stage", "progress", "message"),
    [
        (Extracting(), "extracting", 0, "Opening the file"),
        (Extracting(0, 50), "extracting", 0, "Extracting page 0/50"),
        (Extracting(23, 50), "extracting", 13, "Extracting page 23/50"),
        (Extracting(50, 50), "extracting", 30, "Extracting page 50/50"),
        (Chunking(0, 50), "chunking", 30, "Splitting page 0/50 into chunks"),
        (Chunking(50, 50), "chunking", 35, "Splitting page 50/50 into chunks"),
        (Embedding(0, 150, 32), "embedding", 35, "Generating embeddings: Batch 1/5..."),
        (Embedding(32, 150, 32), "embedding", 47, "Generating embeddings: Batch 2/5..."),
        (Embedding(150, 150, 32), "embedding", 95, "Generating embeddings: Batch 5/5..."),
        (Embedding(0, 0, 32), "embedding", 35, "Generating embeddings: Batch 0/0..."),
        (Indexing(), "indexing", 95, "Indexing"),
    ],
)
def test_work_is_told_in_numbers_and_words(event, stage, progress, message):
    document = after(PENDING, event)
    assert (document.status, document.stage, document.progress, document.message) == (
        "processing",
        stage,
        progress,
        message,
    )
    assert document.attempts == 1


def test_counts_are_kept_for_those_who_draw_bars():
    document = after(after(PENDING, Extracting(23, 50)), Embedding(64, 150, 32))
    assert (document.pages, document.pages_done) == (50, 23)
    assert (document.chunks, document.batches, document.batches_done) == (150, 5, 2)
    assert after(document, Embedding(150, 150, 32)).batches_done == 5


def test_a_retry_says_why_and_when_and_the_next_try_forgets_it():
    document = after(after(PENDING, Embedding(64, 150, 32)), Retrying(PROBLEM, 5.0))
    assert (document.status, document.attempts, document.error) == ("processing", 2, PROBLEM)
    assert document.message == "Store unavailable: try 2 begins in 5 s"
    again = after(document, Chunking(0, 50))
    assert (again.attempts, again.error) == (2, None)


def test_a_failure_keeps_its_reason_and_where_it_was():
    document = after(after(PENDING, Extracting(23, 50)), Failed(PROBLEM))
    assert (document.status, document.stage, document.error) == ("failed", "extracting", PROBLEM)
    assert document.message == "Failed: the store is away"


def test_a_cancelled_document_says_so():
    document = after(after(PENDING, Extracting(23, 50)), Cancelled())
    assert (document.status, document.message, document.error) == ("cancelled", "Cancelled", None)


def test_a_document_that_is_queued_again_begins_at_nothing():
    failed = after(after(after(PENDING, Embedding(64, 150, 32)), Retrying(PROBLEM, 1)), Failed(PROBLEM))
    queued = after(failed, Queued())
    assert (queued.status, queued.stage, queued.progress, queued.attempts) == ("pending", "waiting", 0, 0)
    assert (queued.error, queued.batches, queued.batches_done, queued.pages_done) == (None, None, 0, 0)


def test_completion_counts_in_words_and_numbers():
    assert completion(312, 50)["message"] == "Completed: 312 chunks"
    assert completion(1, 1)["message"] == "Completed: 1 chunk"
    assert completion(312, 50)["progress"] == 100


def test_only_what_changed_is_written():
    document = after(PENDING, Extracting(1, 50))
    assert differences(document, document) == {}
    changed = differences(document, after(document, Extracting(2, 50)))
    assert changed == {"progress": 1, "message": "Extracting page 2/50", "pages_done": 2}


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 1.0), (2, 5.0), (3, 25.0), (4, None), (9, None)],
)
def test_what_may_pass_is_tried_three_times_more(attempts, seconds):
    assert retry_after(StoreUnavailableError("away"), attempts, (1.0, 5.0, 25.0)) == seconds


def test_what_will_not_pass_is_not_tried_again():
    assert retry_after(FingerprintError("another model"), 1, (1.0, 5.0, 25.0)) is None
    assert retry_after(StoreUnavailableError("away"), 1, ()) is None
