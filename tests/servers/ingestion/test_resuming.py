"""Whatever interrupts an ingestion, it goes on from there: nothing twice, nothing lost."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.skills import Ingest
from servers.ingestion import server

SCRIPT = Path(__file__).parent / "killed_ingestion.py"


async def ended(agent, doc_id):
    """The document once nobody works on it any more."""
    async with asyncio.timeout(60):
        while (document := await agent.find(doc_id)).status in ("pending", "processing"):
            await asyncio.sleep(0.05)
    return document


async def contents(agent, document):
    """Everything that is kept of a document, in a form that can be compared."""
    pages = [(page.page, page.text, page.label, page.offsets) for page in await agent.pages(document)]
    chunks = [(chunk.id, chunk.page, dict(chunk.payload)) for chunk in await agent.chunks(document)]
    facts = document.model_dump(exclude={"created_at", "updated_at", "attempts"})
    return pages, sorted(chunks, key=lambda chunk: chunk[2]["ordinal"]), facts


@pytest.fixture(scope="module")
def pending(tmp_path_factory, settings_in, agent_on, make_pdf):
    """A data folder with a pending document, and what an undisturbed ingestion of it gives."""
    folder, undisturbed = tmp_path_factory.mktemp("pending") / "data", tmp_path_factory.mktemp("undisturbed") / "data"

    async def upload():
        async with agent_on(settings_in(folder)) as agent:
            return await agent.upload(
                "guide.pdf", make_pdf(70, lines=lambda n: [f"Page {n} on pumps.", f"It ends {n}."])
            )

    async def finish(doc_id):
        async with agent_on(settings_in(undisturbed)) as agent:
            document = await server.ingest(Ingest(doc_id=doc_id), agent.call())
            return await contents(agent, document)

    doc_id = asyncio.run(upload())
    shutil.copytree(folder, undisturbed)
    return doc_id, folder, asyncio.run(finish(doc_id))


POINTS = {
    "between two groups of pages": ("records.pages", "put", 1),
    "after the last page": ("blobs", "put", 1),
    "between two batches": ("vectors", "upsert", 3),
    "before it is activated": ("vectors", "seal", 1),
    "after it was activated": ("records.versions", "activate", 1),
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
async def test_a_killed_process_leaves_work_that_the_next_one_ends(point, pending, make_settings, agent_on):
    doc_id, folder, expected = pending
    data = shutil.copytree(folder, make_settings().data)
    where, method, times = point
    command = [sys.executable, str(SCRIPT), str(data), doc_id, where, method, str(times)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = await asyncio.to_thread(
        subprocess.run, command, env=environment, timeout=100, check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    async with agent_on(make_settings()) as agent:
        document = await ended(agent, doc_id)
        assert document.status == "completed"
        assert await contents(agent, document) == expected
        assert await agent.on.records.versions.hidden("local") == ()


async def test_a_document_that_nobody_called_for_is_found_by_the_sweep(make_settings, agent_on):
    async with agent_on(make_settings(sweep_seconds=0.1)) as agent:
        doc_id = await agent.upload("a.txt", b"The call for this one got lost.")
        assert (await ended(agent, doc_id)).status == "completed"


async def test_an_agent_that_stops_leaves_its_work_to_the_next(make_settings, agent_on, make_pdf):
    async with agent_on(make_settings()) as agent:
        doc_id = await agent.upload("a.pdf", make_pdf(10))
        caller = asyncio.create_task(server.ingest(Ingest(doc_id=doc_id), agent.call()))
        async with asyncio.timeout(30):
            while not any(item.document.stage == "embedding" for item in agent.told):
                await asyncio.sleep(0.01)
    with pytest.raises(Exception, match=r"interrupted|closed"):
        await caller
    async with agent_on(make_settings()) as agent:
        assert (await ended(agent, doc_id)).status == "completed"


async def test_chunks_that_are_stored_are_not_embedded_again(make_settings, agent_on, make_pdf):
    embedded = []

    class Counting:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        async def embed(self, texts, on_batch=None):
            embedded.extend(texts)
            return await self._inner.embed(texts, on_batch)

    class FailingOnce(Counting):
        async def upsert(self, tenant, units):
            await self._inner.upsert(tenant, units)
            if 16 <= len(embedded) < 40 and "the connection broke here" not in embedded:
                embedded.append("the connection broke here")
                from runtime.errors import StoreUnavailableError

                raise StoreUnavailableError("the connection broke")

    def dress(on):
        on.embedder, on.vectors = Counting(on.embedder), FailingOnce(on.vectors)

    async with agent_on(make_settings(), dress) as agent:
        document = await agent.ingest("a.pdf", make_pdf(12))
        assert (document.status, document.attempts) == ("completed", 2)
        assert len(embedded) <= document.chunks + 1 + agent.settings.embedding_batch_chunks
        assert len(await agent.chunks(document)) == document.chunks
