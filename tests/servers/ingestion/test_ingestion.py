"""A document goes in and comes out as pages and chunks that can be searched."""

import asyncio
import base64
import io
import uuid

import pytest
from structlog.testing import capture_logs

from runtime.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError, UnsupportedMediaError
from schemas.skills import DocumentRef, Ingest, ListDocuments
from servers.ingestion import server


async def test_a_pdf_becomes_pages_and_chunks_that_stand_on_them(agent, make_pdf):
    document = await agent.ingest("pump-guide.pdf", make_pdf(6, title="The pump guide"))
    assert (document.status, document.stage, document.progress) == ("completed", "done", 100)
    assert (document.pages, document.pages_done, document.paging) == (6, 6, "exact")
    assert (document.title, document.language, document.error) == ("The pump guide", "en", None)
    pages = {page.page: page for page in await agent.pages(document)}
    assert sorted(pages) == [1, 2, 3, 4, 5, 6]
    assert pages[3].text.startswith("Chapter 3: filters\nSentence 1 of page 3")
    assert (pages[3].width, pages[3].height) == (595, 842)
    chunks = await agent.chunks(document)
    assert len(chunks) == document.chunks
    assert document.message == f"Completed: {document.chunks} chunks"
    assert sorted(chunk.payload["ordinal"] for chunk in chunks) == list(range(len(chunks)))
    for chunk in chunks:
        told = chunk.payload
        assert told["content"] == pages[chunk.page].text[told["start"] : told["end"]]
        assert (told["doc"], told["title"], told["language"]) == ("pump-guide.pdf", "The pump guide", "en")
        assert uuid.UUID(str(chunk.id)).version == 5


async def test_progress_is_told_from_waiting_to_completed_and_never_falls(agent, make_pdf):
    document = await agent.ingest("a.pdf", make_pdf(12))
    told = [item.document for item in agent.told]
    assert told[0].status == "pending"
    assert told[-1].status == "completed"
    assert [state.progress for state in told] == sorted(state.progress for state in told)
    assert all(item.message == item.document.message and item.total == 100 for item in agent.told)
    assert told[-1] == document


async def test_ingesting_twice_does_the_work_once(agent, make_pdf):
    first = await agent.ingest("a.pdf", make_pdf(2))
    again = await server.ingest(Ingest(doc_id=first.doc_id), agent.call())
    assert again == first


async def test_callers_of_the_same_document_join_one_turn(make_settings, agent_on, make_pdf):
    counted = []

    def count(on):
        embedder = on.embedder

        class Counting:
            def __getattr__(self, name):
                return getattr(embedder, name)

            async def embed(self, texts, on_batch=None):
                counted.extend(texts)
                return await embedder.embed(texts, on_batch)

        on.embedder = Counting()

    async with agent_on(make_settings(), count) as agent:
        doc_id = await agent.upload("a.pdf", make_pdf(4))
        ended = await asyncio.gather(*(server.ingest(Ingest(doc_id=doc_id), agent.call()) for _ in range(3)))
        assert ended[0] == ended[1] == ended[2]
        assert len(counted) == ended[0].chunks
        assert sum(item.document.status == "completed" for item in agent.told) == 3


async def test_work_goes_on_when_its_caller_goes(agent, make_pdf):
    doc_id = await agent.upload("a.pdf", make_pdf(4))
    caller = asyncio.create_task(server.ingest(Ingest(doc_id=doc_id), agent.call()))
    async with asyncio.timeout(30):
        while not agent.told:
            await asyncio.sleep(0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    ended = await server.ingest(Ingest(doc_id=doc_id), agent.call())
    assert ended.status == "completed"


async def test_a_text_handed_in_is_ingested_at_once(agent):
    text = "# Safety\n\nKeep hands clear of the intake while the motor runs.\n\n# Care\n\nClean the filter weekly."
    document = await server.ingest(Ingest(text=text, filename="notes"), agent.call())
    assert (document.status, document.filename, document.title) == ("completed", "notes.md", "Safety")
    [page] = await agent.pages(document)
    assert page.text.splitlines()[0] == "Safety"


async def test_a_file_handed_in_as_base64_is_ingested_at_once(agent, make_pdf):
    content = base64.b64encode(make_pdf(1)).decode()
    document = await server.ingest(Ingest(content_base64=content, filename="a.pdf"), agent.call())
    assert (document.status, document.pages) == ("completed", 1)
    again = await server.ingest(Ingest(content_base64=content, filename="b.pdf"), agent.call())
    assert again == document


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (Ingest(), InvalidInputError),
        (Ingest(doc_id="doc_1", text="words"), InvalidInputError),
        (Ingest(content_base64="aGVsbG8="), InvalidInputError),
        (Ingest(content_base64="not base64!", filename="a.txt"), InvalidInputError),
        (Ingest(content_base64="aGVsbG8=", filename="a.exe"), UnsupportedMediaError),
        (Ingest(doc_id="doc_nowhere"), NotFoundError),
    ],
)
async def test_calls_that_make_no_sense_are_refused(agent, ask, error):
    with pytest.raises(error):
        await server.ingest(ask, agent.call())


async def test_a_file_beyond_the_limit_is_refused_before_it_is_decoded(make_settings, agent_on):
    async with agent_on(make_settings(max_upload_bytes=1000)) as agent:
        content = base64.b64encode(b"x" * 2000).decode()
        with pytest.raises(TooLargeError, match="1000 bytes"):
            await server.ingest(Ingest(content_base64=content, filename="a.txt"), agent.call())


async def test_tenants_do_not_see_each_others_documents(agent, make_pdf):
    mine = await agent.ingest("a.pdf", make_pdf(1))
    theirs = await agent.ingest("a.pdf", make_pdf(1), tenant="other")
    assert theirs.doc_id != mine.doc_id
    with pytest.raises(NotFoundError):
        await server.status(DocumentRef(doc_id=mine.doc_id), agent.call("other"))
    listed = await server.list_documents(ListDocuments(), agent.call("other"))
    assert [document.doc_id for document in listed.items] == [theirs.doc_id]
    with pytest.raises(NotFoundError):
        await server.delete(DocumentRef(doc_id=mine.doc_id), agent.call("other"))
    assert (await agent.find(mine.doc_id)).status == "completed"


async def test_status_list_and_resource_tell_of_a_document(agent):
    document = await server.ingest(Ingest(text="Some words of no weight."), agent.call())
    ref = DocumentRef(doc_id=document.doc_id)
    assert await server.status(ref, agent.call()) == document
    assert await server.document(agent.call(), document.doc_id) == document
    assert (await server.list_documents(ListDocuments(status="completed"), agent.call())).items == (document,)
    assert (await server.list_documents(ListDocuments(status="failed"), agent.call())).items == ()


async def test_deleting_leaves_nothing(agent, make_pdf):
    document = await agent.ingest("a.pdf", make_pdf(3))
    deleted = await server.delete(DocumentRef(doc_id=document.doc_id), agent.call())
    assert deleted.chunks == document.chunks
    assert await agent.chunks(document) == []
    assert await agent.find(document.doc_id) is None
    assert await agent.pages(document) == []
    blobs = agent.settings.place(agent.settings.blobs_url)
    assert [path for path in blobs.rglob("*") if path.is_file()] == []
    with pytest.raises(NotFoundError):
        await server.status(DocumentRef(doc_id=document.doc_id), agent.call())


async def test_reprocessing_gives_the_same_chunks_under_the_same_ids(agent, make_pdf):
    document = await agent.ingest("a.pdf", make_pdf(3))
    before = {(chunk.id, chunk.payload["content"]) for chunk in await agent.chunks(document)}
    again = await server.reprocess(DocumentRef(doc_id=document.doc_id), agent.call())
    assert (again.status, again.version_id) == ("completed", document.version_id)
    assert {(chunk.id, chunk.payload["content"]) for chunk in await agent.chunks(again)} == before
    assert await agent.on.records.versions.hidden("local") == ()


async def test_another_chunk_size_builds_a_new_version_in_place_of_the_old(make_settings, agent_on, make_pdf):
    async with agent_on(make_settings()) as agent:
        old = await agent.ingest("a.pdf", make_pdf(3))
    async with agent_on(make_settings(chunk_tokens=64, chunk_overlap_tokens=16)) as agent:
        new = await server.reprocess(DocumentRef(doc_id=old.doc_id), agent.call())
        assert new.version_id != old.version_id
        assert new.chunks > old.chunks
        assert len(await agent.chunks(new)) == new.chunks
        assert await agent.chunks(old) == []
        assert await agent.pages(old) == []
        assert await agent.on.records.versions.hidden("local") == ()


async def test_a_profile_sets_size_and_overlap_and_builds_a_version_of_its_own(make_settings, agent_on, make_pdf):
    async def most_tokens(agent, document):
        texts = [chunk.payload["content"] for chunk in await agent.chunks(document)]
        return max(len(agent.on.embedder.token_spans(text)) for text in texts)

    async with agent_on(make_settings()) as agent:
        small = await agent.ingest("a.pdf", make_pdf(3))
        small_tokens = await most_tokens(agent, small)
    with capture_logs() as logs:
        async with agent_on(make_settings(chunk_profile="openai")) as agent:
            large = await server.reprocess(DocumentRef(doc_id=small.doc_id), agent.call())
            large_tokens = await most_tokens(agent, large)
    assert large.version_id != small.version_id
    assert small_tokens <= 144 < large_tokens <= 206
    (bounded,) = [entry for entry in logs if entry["event"] == "chunks.bounded"]
    assert (bounded["wanted_tokens"], bounded["most_tokens"], bounded["window"]) == (512, 206, 256)


def test_size_and_overlap_can_be_set_one_by_one_beside_a_profile(make_settings):
    assert make_settings().chunks == (144, 0)
    assert make_settings(chunk_profile="openai").chunks == (512, 50)
    assert make_settings(chunk_profile="openai", chunk_tokens=300).chunks == (300, 50)
    assert make_settings(chunk_overlap_tokens=16).chunks == (144, 16)
    assert make_settings(chunk_profile="openai", chunk_tokens=40).chunks == (40, 20)


async def test_work_that_has_ended_cannot_be_cancelled(agent):
    document = await server.ingest(Ingest(text="Some words."), agent.call())
    with pytest.raises(ConflictError, match="completed"):
        await server.cancel(DocumentRef(doc_id=document.doc_id), agent.call())


async def test_word_and_html_files_get_pages_by_section(agent):
    import docx

    word = docx.Document()
    for chapter in ("Installation", "Operation", "Care"):
        word.add_heading(chapter, 1)
        for _ in range(10):
            word.add_paragraph(f"The chapter on {chapter.lower()} has words enough for a page of its own. " * 2)
    file = io.BytesIO()
    word.save(file)
    document = await agent.ingest("manual.docx", file.getvalue())
    assert (document.status, document.pages, document.paging) == ("completed", 3, "by section")
    assert [page.text.split("\n")[0] for page in await agent.pages(document)] == ["Installation", "Operation", "Care"]
    html = "<title>Pumps</title><h1>Use</h1><p>Prime the pump before you start it.</p><script>evil()</script>"
    page = await agent.ingest("pumps.html", html.encode())
    assert (page.title, page.paging) == ("Pumps", "by section")
    assert [record.text for record in await agent.pages(page)] == ["Use\n\nPrime the pump before you start it."]


async def test_documents_wait_their_turn_and_all_get_done(make_settings, agent_on):
    async with agent_on(make_settings(documents_at_once=1)) as agent:
        texts = [f"Note number {number} speaks of the number {number}." for number in range(5)]
        ended = await asyncio.gather(*(server.ingest(Ingest(text=text), agent.call()) for text in texts))
        assert {document.status for document in ended} == {"completed"}


async def test_the_agent_serves_its_skills_over_mcp(make_settings):
    from fastmcp import Client

    async with Client(server.create_server(make_settings())) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert names == {"ingest", "ingest_batch", "status", "list_documents", "reprocess", "cancel", "delete"}
        made = await client.call_tool("ingest", {"text": "Keep hands clear of the intake.", "filename": "safety.txt"})
        assert made.structured_content["status"] == "completed"
        [read] = await client.read_resource(f"document://{made.structured_content['doc_id']}")
        assert '"completed"' in read.text
