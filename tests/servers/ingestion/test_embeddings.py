"""No passage is embedded twice: neither what was embedded ahead, nor what an earlier version has."""

import asyncio

import numpy as np
import pytest

from runtime.records.contract import PageRecord
from schemas.skills import DocumentRef
from servers.ingestion import embeddings as embeddings_module
from servers.ingestion import server
from servers.ingestion.ahead import ahead
from servers.ingestion.embeddings import Embeddings
from servers.ingestion.split import Piece


class Counting:
    """Counts the texts that a real embedder is given."""

    def __init__(self, embedder):
        self._embedder = embedder
        self.texts = []

    def __getattr__(self, name):
        return getattr(self._embedder, name)

    async def embed(self, texts, on_batch=None):
        self.texts.extend(texts)
        return await self._embedder.embed(texts, on_batch)


@pytest.fixture
async def embedder():
    from runtime.models.embedded import MiniLM

    real = MiniLM()
    yield Counting(real)
    await real.close()


async def test_prepared_passages_are_taken_and_the_others_embedded_in_their_places(embedder):
    embeddings = Embeddings(embedder)
    await embeddings.prepare(["one", "two"])
    made = []
    rows = await embeddings.take(["three", "two", "one"], made.append)
    assert (made[0], made[-1]) == (2, 3)
    assert embedder.texts == ["one", "two", "three"]
    assert np.allclose(rows, await embedder.embed(["three", "two", "one"]))


async def test_no_more_is_held_than_there_is_room_for(embedder, monkeypatch):
    monkeypatch.setattr(embeddings_module, "MOST_HELD", 2)
    embeddings = Embeddings(embedder)
    await embeddings.prepare(["one", "two", "three"])
    assert embedder.texts == ["one", "two"]
    assert embeddings.room == 0
    await embeddings.take(["one"], print)
    assert embeddings.room == 1


def page(number):
    return PageRecord(number, f"page {number}", None, (), 1, 1)


async def cut(pages, first):
    return [Piece(page.page, first + at, 0, 6, page.text) for at, page in enumerate(pages)]


async def test_pieces_are_in_order_and_prepared_while_pages_come():
    prepared, begun = [], asyncio.Event()

    async def prepare(pieces, pages):
        prepared.extend(piece.page for piece in pieces)
        begun.set()

    async with asyncio.timeout(10), ahead(cut, prepare) as work:
        await work.take([page(1), page(2)])
        await begun.wait()  # before the last page has come
        await work.take([page(3)])
        pieces = await work.pieces()
    assert [(piece.page, piece.ordinal) for piece in pieces] == [(1, 0), (2, 1), (3, 2)]
    assert prepared[:2] == [1, 2]


async def test_what_goes_wrong_ahead_is_told_where_the_pieces_are_asked_for():
    told = asyncio.Event()

    async def prepare(pieces, pages):
        told.set()
        raise ValueError("no")

    async with asyncio.timeout(10), ahead(cut, prepare) as work:
        await work.take([page(1)])
        await told.wait()
        with pytest.raises(ValueError, match="no"):
            await work.pieces()


async def test_reprocessing_embeds_nothing_anew(make_settings, agent_on, make_pdf):
    kept = []

    def count(on):
        on.embedder = Counting(on.embedder)
        kept.append(on.embedder)

    async with agent_on(make_settings(), count) as agent:
        document = await agent.ingest("a.pdf", make_pdf(5))
        assert len(kept[0].texts) == document.chunks
        again = await server.reprocess(DocumentRef(doc_id=document.doc_id), agent.call())
        assert again.chunks == document.chunks
        assert len(kept[0].texts) == document.chunks


async def test_a_new_version_embeds_only_what_is_new_in_it(make_settings, agent_on, make_pdf):
    kept = []

    def count(on):
        on.embedder = Counting(on.embedder)
        kept.append(on.embedder)

    def lines(number):
        return [f"Line {line} of page {number} is here." for line in range(30 if number == 4 else 2)]

    async with agent_on(make_settings(), count) as agent:
        old = await agent.ingest("a.pdf", make_pdf(4, lines=lines))
    async with agent_on(make_settings(chunk_tokens=64, chunk_overlap_tokens=0), count) as agent:
        new = await server.reprocess(DocumentRef(doc_id=old.doc_id), agent.call())
    assert new.version_id != old.version_id
    assert 0 < len(kept[1].texts) <= new.chunks - 3  # the three short pages are as they were
    assert not set(kept[1].texts) & set(kept[0].texts)
