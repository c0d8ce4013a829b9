"""Files come in under a safe name, of a known kind, within limits, once."""

import hashlib
from pathlib import Path

import pytest

from runtime import intake
from runtime.backends import Backends
from runtime.errors import (
    QuotaError,
    StoreUnavailableError,
    TooLargeError,
    UnreadableDocumentError,
    UnsupportedMediaError,
)
from runtime.settings import Settings

TENANT = "local"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data", max_upload_bytes=300_000, max_documents=3, max_stored_bytes=500_000, _env_file=None
    )


@pytest.fixture
async def on(settings):
    on = Backends(settings)
    await on.open(("records", "blobs"))
    yield on
    await on.close()


def kept_files(settings: Settings) -> list[Path]:
    return [path for path in settings.place(settings.blobs_url).rglob("*") if path.is_file()]


async def pieces(*parts: bytes):
    for part in parts:
        yield part


async def test_an_accepted_file_is_pending_and_its_bytes_are_kept(on, settings):
    document, created = await intake.accept(TENANT, "guide.md", b"# Guide\n\nRead me.", on, settings)
    assert created
    assert document.doc_id.startswith("doc_")
    assert document.actor_id == f"ingestion_{document.doc_id}"
    assert (document.status, document.filename, document.media_type) == ("pending", "guide.md", "text/markdown")
    assert document.size_bytes == 17
    assert document.sha256 == hashlib.sha256(b"# Guide\n\nRead me.").hexdigest()
    assert await on.blobs.get(intake.original_key(TENANT, document.doc_id)) == b"# Guide\n\nRead me."
    assert await on.records.documents.get(TENANT, document.doc_id) == document


async def test_a_stream_is_kept_like_bytes(on, settings):
    document, _ = await intake.accept(TENANT, "a.txt", pieces(b"one ", b"", b"two"), on, settings)
    assert await on.blobs.get(intake.original_key(TENANT, document.doc_id)) == b"one two"
    assert document.sha256 == hashlib.sha256(b"one two").hexdigest()


async def test_the_same_bytes_are_the_same_document_under_whatever_name(on, settings):
    first, _ = await intake.accept(TENANT, "a.txt", b"the same words", on, settings)
    again, created = await intake.accept(TENANT, "b.txt", pieces(b"the same ", b"words"), on, settings)
    assert not created
    assert again == first
    assert len(kept_files(settings)) == 1


async def test_another_tenant_has_a_document_of_its_own(on, settings):
    first, _ = await intake.accept(TENANT, "a.txt", b"the same words", on, settings)
    other, created = await intake.accept("other", "a.txt", b"the same words", on, settings)
    assert created
    assert other.doc_id != first.doc_id
    assert await on.records.documents.get("other", first.doc_id) is None


async def test_a_file_beyond_the_limit_is_refused_while_it_streams_and_leaves_nothing(on, settings):
    taken = 0

    async def endless():
        nonlocal taken
        while True:
            taken += 100_000
            yield b"x" * 100_000

    with pytest.raises(TooLargeError, match=r"300000 bytes.*AGENTRAG_MAX_UPLOAD_BYTES"):
        await intake.accept(TENANT, "a.txt", endless(), on, settings)
    assert taken < 2_000_000
    assert kept_files(settings) == []


async def test_a_stream_that_breaks_leaves_nothing(on, settings):
    async def broken():
        yield b"some"
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await intake.accept(TENANT, "a.txt", broken(), on, settings)
    assert kept_files(settings) == []
    assert (await on.records.documents.counts(TENANT)) == {}


class Unwritable:
    """Documents of a database that takes no new rows."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def add(self, tenant, document):
        raise StoreUnavailableError("the database is read-only")


async def test_bytes_without_a_row_are_removed(on, settings):
    on.records.documents = Unwritable(on.records.documents)
    with pytest.raises(StoreUnavailableError):
        await intake.accept(TENANT, "a.txt", b"words", on, settings)
    assert kept_files(settings) == []


async def test_an_empty_file_is_unreadable(on, settings):
    with pytest.raises(UnreadableDocumentError, match="0 bytes"):
        await intake.accept(TENANT, "a.txt", b"", on, settings)
    assert kept_files(settings) == []


async def test_content_that_is_not_what_the_name_says_is_refused(on, settings):
    with pytest.raises(UnsupportedMediaError, match=r"a\.pdf"):
        await intake.accept(TENANT, "a.pdf", b"<html>hello</html>", on, settings)
    assert kept_files(settings) == []


async def test_a_tenant_keeps_as_many_documents_as_its_quota_and_no_more(on, settings):
    for number in range(3):
        await intake.accept(TENANT, "a.txt", b"words %d" % number, on, settings)
    with pytest.raises(QuotaError, match=r"3 of 3 documents.*AGENTRAG_MAX_DOCUMENTS"):
        await intake.accept(TENANT, "a.txt", b"one more", on, settings)
    _, created = await intake.accept(TENANT, "a.txt", b"words 1", on, settings)
    assert not created
    assert len(kept_files(settings)) == 3


async def test_a_tenant_keeps_as_many_bytes_as_its_quota_and_no_more(on, settings):
    await intake.accept(TENANT, "a.txt", b"a" * 280_000, on, settings)
    with pytest.raises(QuotaError, match="280000 of 500000 bytes"):
        await intake.accept(TENANT, "b.txt", b"b" * 280_000, on, settings)
    assert len(kept_files(settings)) == 1


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/x.txt", "x.txt"),
        ("C:\\Users\\me\\My report.docx", "My report.docx"),
        ("folder/", "folder"),
        ("a\x00b\nc.txt", "a b c.txt"),
        ("invoice\u202efdp.txt", "invoice fdp.txt"),
        ("  spaced   name .md", "spaced name .md"),
        ("手册.pdf", "手册.pdf"),
        ("a" * 300 + ".pdf", "a" * 251 + ".pdf"),
    ],
)
def test_names_are_shown_without_paths_and_control_characters(given, shown):
    assert intake.display_name(given) == shown


@pytest.mark.parametrize("given", ["", "/", "..", "a/..", "\x01\x02", ". ."])
def test_a_name_with_nothing_in_it_is_refused(given):
    with pytest.raises(UnsupportedMediaError, match="no name"):
        intake.display_name(given)
