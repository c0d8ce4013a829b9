"""What the child process answers, asked in this process; and how children are kept for the next file."""

import asyncio
import re

import pytest

from runtime import filekinds
from runtime.errors import UnreadableDocumentError, UnsupportedMediaError
from runtime.paper import size
from servers.ingestion.bulletin import Bulletin
from servers.ingestion.extract import extract
from servers.ingestion.extractors import Extractors


def ask(path, media_type=filekinds.PDF, **changes):
    request = {"path": str(path), "media_type": media_type, "filename": path.name, "max_pages": 100, "max_chars": 10**6}
    recognition = {"ocr_languages": "eng", "ocr_pages": 5, "ocr_seconds": 60.0}
    return list(extract(request | recognition | changes))


def test_a_pdf_is_told_by_its_outline_its_pages_and_its_facts(tmp_path, make_pdf):
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf(40, title="The pump guide"))
    outline, *groups, facts, thumbnail = ask(path)
    assert outline == {"pages": 40, "paging": "exact"}
    rows = [row for group in groups for row in group["texts"]]
    assert [row[0] for row in rows] == list(range(1, 41))
    assert len(groups) >= 2
    assert facts["facts"]["title"] == "The pump guide"
    assert facts["facts"]["language"] == "en"
    assert facts["facts"]["warnings"] == []
    assert size(thumbnail["thumbnail"])[0] == 240


def test_flowing_text_has_no_layout(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Use\n\nPrime the pump before you start it, please.")
    outline, group, facts, thumbnail = ask(path, filekinds.MARKDOWN)
    assert outline == {"pages": 1, "paging": "by section"}
    assert group["texts"] == [[1, "Use\n\nPrime the pump before you start it, please.", None, (), 0.0, 0.0]]
    assert facts["facts"]["title"] == "Use"
    assert size(thumbnail["thumbnail"])[0] == 240


def test_every_kind_has_its_reader(tmp_path):
    import docx

    words = "Prime the pump before you start it, please."
    document = docx.Document()
    document.add_paragraph(words)
    document.save(tmp_path / "a.docx")
    (tmp_path / "a.html").write_text(f"<p>{words}")
    (tmp_path / "a.txt").write_text(words)
    for name, kind in (("a.docx", filekinds.DOCX), ("a.html", filekinds.HTML), ("a.txt", filekinds.TEXT)):
        _, group, *_ = ask(tmp_path / name, kind)
        assert [row[1] for row in group["texts"]] == [words]
    (tmp_path / "empty.html").write_text("<p>")
    with pytest.raises(UnreadableDocumentError, match="no text"):
        ask(tmp_path / "empty.html", filekinds.HTML)


def test_limits_name_themselves(tmp_path, make_pdf):
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf(3))
    with pytest.raises(UnreadableDocumentError, match="3 pages, the limit of `max_pages` is 2"):
        ask(path, max_pages=2)
    with pytest.raises(UnreadableDocumentError, match="more than 50 characters"):
        ask(path, max_chars=50)


def test_a_kind_without_a_reader_is_unsupported(tmp_path):
    with pytest.raises(UnsupportedMediaError, match="image/png"):
        ask(tmp_path / "a.png", "image/png")


def test_a_damaged_page_costs_that_page(tmp_path, make_pdf):
    path = tmp_path / "a.pdf"
    content = make_pdf(3)
    kids = re.search(rb"/Kids \[ (\d 0 R) (\d 0 R)", content)
    path.write_bytes(content[: kids.start(2)] + b"null " + content[kids.end(2) :])
    _, group, facts, *_ = ask(path)
    assert [bool(row[1]) for row in group["texts"]] == [True, False, True]
    assert facts["facts"]["warnings"] == ["1 of 3 pages are damaged and were left out"]


def test_a_pdf_of_damaged_pages_only_is_unreadable(tmp_path, make_pdf):
    path = tmp_path / "a.pdf"
    content = make_pdf(1)
    kids = re.search(rb"/Kids \[ (\d 0 R)", content)
    path.write_bytes(content[: kids.start(1)] + b"null " + content[kids.end(1) :])
    with pytest.raises(UnreadableDocumentError, match="damaged"):
        ask(path)


class Idle:
    """Compute whose children do nothing."""

    def __init__(self):
        self.made = []

    def child(self, module, limits):
        class Child:
            closed = False

            async def close(self):
                self.closed = True

        self.made.append(Child())
        return self.made[-1]


async def lease(extractors, tenant):
    async with extractors.lease(tenant) as child:
        return child


async def test_a_child_serves_the_next_file_of_its_tenant_only(make_settings):
    extractors = Extractors(Idle(), make_settings())
    first = await lease(extractors, "a")
    assert await lease(extractors, "a") is first
    assert await lease(extractors, "b") is not first
    await extractors.close()
    assert first.closed


async def test_a_child_that_failed_is_not_used_again(make_settings):
    extractors = Extractors(Idle(), make_settings())
    with pytest.raises(UnreadableDocumentError):
        async with extractors.lease("a") as child:
            raise UnreadableDocumentError("torn")
    assert child.closed
    assert await lease(extractors, "a") is not child
    await extractors.close()


async def test_idle_children_end_after_a_while_and_are_few(make_settings):
    extractors = Extractors(Idle(), make_settings(extractor_idle_seconds=0.02, files_read_at_once=1))
    first, second = await lease(extractors, "a"), await lease(extractors, "b")
    assert first.closed
    async with asyncio.timeout(10):
        while not second.closed:
            await asyncio.sleep(0.01)
    await extractors.close()


async def test_slow_watchers_hear_the_latest_and_the_last(make_document):
    bulletin = Bulletin(make_document(0))
    heard = []

    async def watch():
        async for document in bulletin.follow():
            heard.append(document.progress)

    watcher = asyncio.create_task(watch())
    for progress in range(1, 100):
        bulletin.post(make_document(progress))
        await asyncio.sleep(0)
    bulletin.post(make_document(100))
    bulletin.close()
    await asyncio.wait_for(watcher, 10)
    assert heard[-1] == 100
    assert len(heard) <= 4
    late = [document.progress async for document in bulletin.follow()]
    assert late == [100]
