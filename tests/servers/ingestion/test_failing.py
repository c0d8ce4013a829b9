"""What cannot be read fails with its reason, what may pass is tried again, and the agent lives on."""

import asyncio
import io
import os
import signal
import zipfile
from contextlib import aclosing

import pytest

from runtime import intake
from runtime.errors import (
    CancelledByUserError,
    ConflictError,
    LostChildError,
    ModelUnavailableError,
    StoreUnavailableError,
)
from schemas.skills import DocumentRef, Ingest
from servers.ingestion import server


async def assert_alive(agent):
    document = await server.ingest(Ingest(text="A good document after a bad one."), agent.call())
    assert document.status == "completed"


async def assert_nothing_left(agent, document):
    assert await agent.on.records.versions.hidden("local") == ()
    versions = agent.settings.place(agent.settings.blobs_url) / "local" / document.doc_id / "versions"
    assert [path for path in versions.rglob("*") if path.is_file()] == []


def encrypted(pdf: bytes) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf)))
    writer.encrypt("secret", algorithm="RC4-128")
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def without_pages() -> bytes:
    from pypdf import PdfWriter

    file = io.BytesIO()
    PdfWriter().write(file)
    return file.getvalue()


def word_bomb() -> bytes:
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
        package.open("word/document.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(600):
            part.write(b" " * 1024 * 1024)
    return file.getvalue()


async def test_files_that_cannot_be_read_fail_with_their_reasons(make_settings, agent_on, make_pdf):
    files = {
        "locked.pdf": (encrypted(make_pdf(1)), "password protected"),
        "cut.pdf": (make_pdf(3)[:600], "damaged or truncated"),
        "none.pdf": (without_pages(), "pages"),
        "scan.pdf": (make_pdf(2, lines=lambda _: []), "none of the 2 pages has a text layer"),
        "long.pdf": (make_pdf(21), "21 pages, the limit of `max_pages` is 20"),
        "much.txt": (b"words " * 10_000, "more than 50000 characters"),
        "broken.docx": (b"PK\x03\x04 word/ and nothing more", "damaged or truncated"),
        "bomb.docx": (word_bomb(), "unpacks to"),
        "blank.txt": (b" \n\n \n", "no text"),
    }
    async with agent_on(make_settings(max_pages=20, max_text_chars=50_000, ocr="off")) as agent:
        ended = await asyncio.gather(*(agent.ingest(name, content) for name, (content, _) in files.items()))
        for document in ended:
            assert (document.filename, document.status) == (document.filename, "failed")
            assert document.error.code == "document.unreadable"
            assert files[document.filename][1] in document.error.detail
            assert document.message == f"Failed: {document.error.detail}"
            assert document.attempts == 1
            await assert_nothing_left(agent, document)
        await assert_alive(agent)


async def test_a_bomb_takes_a_child_with_it_and_nothing_else(make_settings, agent_on, make_bomb):
    async with agent_on(make_settings(extract_memory_mb=512)) as agent:
        document = await agent.ingest("bomb.pdf", make_bomb(200))
        assert (document.status, document.error.code) == ("failed", "document.unreadable")
        assert "512 MB" in document.error.detail
        await assert_alive(agent)


async def test_a_file_that_takes_too_long_is_given_up(make_settings, agent_on, make_bomb):
    async with agent_on(make_settings(extract_cpu_seconds=2, extract_memory_mb=4096)) as agent:
        document = await agent.ingest("slow.pdf", make_bomb(150))
        assert document.status == "failed"
        assert "2 s of processor time" in document.error.detail


async def test_pages_without_text_are_told_in_a_warning(agent, make_pdf):
    document = await agent.ingest("a.pdf", make_pdf(5, lines=lambda n: ["Words enough."] if n % 2 else []))
    assert (document.status, document.warnings) == ("completed", ("2 of 5 pages have no text",))
    assert [page.text for page in await agent.pages(document)][1] == ""


class Passing:
    """Passes all calls on to a backend."""

    def __init__(self, inner):
        self._inner = inner

    def __getattr__(self, name):
        return getattr(self._inner, name)


def failing_embedder(times: int, error: Exception):
    """An embedder that fails so many times."""

    class Failing(Passing):
        left = times

        async def embed(self, texts, on_batch=None):
            if self.left:
                self.left -= 1
                raise error
            return await self._inner.embed(texts, on_batch)

    def dress(on):
        on.embedder = Failing(on.embedder)

    return dress


@pytest.mark.parametrize("error", [ModelUnavailableError("the model is loading"), LostChildError("ended by SIGKILL")])
async def test_what_may_pass_is_tried_again(error, make_settings, agent_on, make_pdf):
    async with agent_on(make_settings(), failing_embedder(2, error)) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert (document.status, document.attempts, document.error) == ("completed", 3, None)


async def test_after_three_retries_it_is_failed_and_can_be_reprocessed(make_settings, agent_on, make_pdf):
    dress = failing_embedder(4, ModelUnavailableError("the model is away"))
    async with agent_on(make_settings(), dress) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert (document.status, document.attempts) == ("failed", 4)
        assert (document.error.code, document.error.detail) == ("model.unavailable", "the model is away")
        await assert_nothing_left(agent, document)
        again = await server.ingest(Ingest(doc_id=document.doc_id), agent.call())
        assert again.status == "failed"
        done = await server.reprocess(DocumentRef(doc_id=document.doc_id), agent.call())
        assert (done.status, done.attempts, done.error) == ("completed", 1, None)


async def test_a_fault_of_ours_fails_at_once_and_leaks_nothing(make_settings, agent_on, make_pdf):
    async with agent_on(make_settings(), failing_embedder(1, ZeroDivisionError("secret detail"))) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert (document.status, document.error.code, document.attempts) == ("failed", "internal", 1)
        assert "secret" not in document.error.detail


async def test_handing_in_a_failed_file_again_tries_again(make_settings, agent_on):
    async with agent_on(make_settings(), failing_embedder(4, ModelUnavailableError("away"))) as agent:
        ask = Ingest(text="Words that could not be embedded at first.")
        assert (await server.ingest(ask, agent.call())).status == "failed"
        assert (await server.ingest(ask, agent.call())).status == "completed"


async def test_a_failed_reprocessing_leaves_the_version_that_is_searched(make_settings, agent_on, make_pdf):
    async with agent_on(make_settings()) as agent:
        good = await agent.ingest("a.pdf", make_pdf(2))
    dress = failing_embedder(9, ModelUnavailableError("away"))
    async with agent_on(make_settings(chunk_tokens=64, chunk_overlap_tokens=16), dress) as agent:
        failed = await server.reprocess(DocumentRef(doc_id=good.doc_id), agent.call())
        assert (failed.status, failed.version_id) == ("failed", good.version_id)
        assert len(await agent.chunks(good)) == good.chunks
        await assert_nothing_but_the_active_version(agent)


async def assert_nothing_but_the_active_version(agent):
    assert await agent.on.records.versions.hidden("local") == ()


async def test_leftovers_that_cannot_be_removed_now_do_not_hide_the_reason(make_settings, agent_on, make_pdf):
    class Undeletable(Passing):
        async def delete(self, tenant, document, version=None):
            raise StoreUnavailableError("the store is away")

    def dress(on):
        failing_embedder(1, ValueError("a fault"))(on)
        on.vectors = Undeletable(on.vectors)

    async with agent_on(make_settings(), dress) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert (document.status, document.error.code) == ("failed", "internal")


async def test_a_store_that_lost_chunks_is_noticed_before_the_version_is_used(make_settings, agent_on, make_pdf):
    class Forgetful(Passing):
        async def seal(self, tenant, document, version):
            return await self._inner.seal(tenant, document, version) - 1

    def dress(on):
        on.vectors = Forgetful(on.vectors)

    async with agent_on(make_settings(), dress) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert (document.status, document.attempts, document.version_id) == ("failed", 4, None)
        assert "was given" in document.error.detail


async def test_a_child_that_is_killed_from_outside_is_replaced(make_settings, agent_on, make_pdf):
    class Unlucky(Passing):
        async def ask(self, request):
            async with aclosing(self._inner.ask(request)) as replies:
                async for reply in replies:
                    yield reply
                    if unlucky:
                        os.kill(unlucky.pop() or self.pid, signal.SIGKILL)

    class Killing(Passing):
        def child(self, module, limits):
            return Unlucky(self._inner.child(module, limits))

    unlucky = [0]

    def dress(on):
        on.compute = Killing(on.compute)

    async with agent_on(make_settings(), dress) as agent:
        document = await agent.ingest("a.pdf", make_pdf(2))
        assert unlucky == []
        assert (document.status, document.attempts) == ("completed", 2)


async def test_a_document_whose_file_is_still_on_its_way_is_left_alone(make_settings, agent_on):
    async with agent_on(make_settings(sweep_seconds=0.05)) as agent:
        announced = await intake.expect("local", "a.txt", agent.on, agent.settings)
        with pytest.raises(ConflictError, match="not arrived"):
            await server.ingest(Ingest(doc_id=announced.doc_id), agent.call())
        with pytest.raises(ConflictError, match="not arrived"):
            await server.reprocess(DocumentRef(doc_id=announced.doc_id), agent.call())
        await agent.actors.sweep()
        assert (await agent.find(announced.doc_id)).status == "pending"


def test_an_overlap_that_leaves_no_room_is_refused(make_settings):
    with pytest.raises(ValueError, match="more than half of chunk_tokens"):
        make_settings(chunk_tokens=64, chunk_overlap_tokens=40)


class Gate(Passing):
    """An embedder that waits from its second batch on."""

    def __init__(self, inner):
        super().__init__(inner)
        self.batches = 0
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def embed(self, texts, on_batch=None):
        self.batches += 1
        if self.batches == 2:
            self.reached.set()
            await self.open.wait()
        return await self._inner.embed(texts, on_batch)


@pytest.fixture
async def held(make_settings, agent_on, make_pdf):
    """An agent that is in the middle of embedding a document, its caller, and the gate that holds it."""

    def dress(on):
        on.embedder = Gate(on.embedder)

    async with agent_on(make_settings(), dress) as agent:
        doc_id = await agent.upload("a.pdf", make_pdf(12))
        caller = asyncio.create_task(server.ingest(Ingest(doc_id=doc_id), agent.call()))
        await asyncio.wait_for(agent.on.embedder.reached.wait(), 60)
        yield agent, doc_id, caller, agent.on.embedder


async def test_a_cancelled_document_leaves_no_partial_version(held):
    agent, doc_id, caller, gate = held
    asking = asyncio.create_task(server.cancel(DocumentRef(doc_id=doc_id), agent.call()))
    async with asyncio.timeout(30):
        while (await agent.find(doc_id)).status != "cancelled":
            await asyncio.sleep(0.01)
    gate.open.set()
    cancelled = await asyncio.wait_for(asking, 30)
    assert (cancelled.status, cancelled.message) == ("cancelled", "Cancelled")
    assert (await asyncio.wait_for(caller, 30)).status == "cancelled"
    await assert_nothing_left(agent, cancelled)
    assert await server.cancel(DocumentRef(doc_id=doc_id), agent.call()) == await agent.find(doc_id)
    done = await server.reprocess(DocumentRef(doc_id=doc_id), agent.call())
    assert done.status == "completed"
    assert len(await agent.chunks(done)) == done.chunks


async def test_what_another_process_cancels_stops_here_too(held):
    agent, doc_id, caller, gate = held
    await agent.on.records.documents.change("local", doc_id, {"status": "cancelled"})
    gate.open.set()
    assert (await asyncio.wait_for(caller, 30)).status == "cancelled"
    await assert_nothing_left(agent, await agent.find(doc_id))


async def test_a_document_can_be_deleted_in_the_middle_of_its_work(held):
    agent, doc_id, caller, gate = held
    asking = asyncio.create_task(server.delete(DocumentRef(doc_id=doc_id), agent.call()))
    gate.open.set()
    assert (await asyncio.wait_for(asking, 30)).doc_id == doc_id
    await asyncio.wait({caller}, timeout=30)
    gone = caller.exception()
    assert isinstance(gone, CancelledByUserError) if gone else caller.result().status == "cancelled"
    assert await agent.find(doc_id) is None
    assert await agent.on.records.versions.hidden("local") == ()


async def test_a_document_that_waits_for_its_turn_can_be_cancelled(make_settings, agent_on, make_pdf):
    def dress(on):
        on.embedder = Gate(on.embedder)

    async with agent_on(make_settings(documents_at_once=1), dress) as agent:
        first = asyncio.create_task(agent.ingest("a.pdf", make_pdf(12)))
        await asyncio.wait_for(agent.on.embedder.reached.wait(), 60)
        doc_id = await agent.upload("b.txt", b"This one waits.")
        second = asyncio.create_task(server.ingest(Ingest(doc_id=doc_id), agent.call()))
        await asyncio.sleep(0)
        cancelled = await asyncio.wait_for(server.cancel(DocumentRef(doc_id=doc_id), agent.call()), 30)
        assert cancelled.status == "cancelled"
        assert (await asyncio.wait_for(second, 30)).status == "cancelled"
        agent.on.embedder.open.set()
        assert (await asyncio.wait_for(first, 60)).status == "completed"
