"""Documents made on the spot, and an ingestion agent at work on real embedded backends."""

import asyncio
import io
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from runtime import intake
from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from schemas.document import Document
from schemas.skills import Ingest, Progress
from servers.ingestion import actor, server
from servers.ingestion.settings import IngestionSettings

Dress = Callable[[Backends], None]

NEEDS = ("vectors", "records", "blobs", "compute", "embedder")
TOPICS = ("pumps", "valves", "motors", "filters", "sensors", "hoses", "seals", "gears", "belts", "fans")


def page_lines(number: int) -> list[str]:
    topic = TOPICS[number % len(TOPICS)]
    return [
        f"Chapter {number}: {topic}",
        *(
            f"Sentence {line} of page {number} tells how {topic} are checked, cleaned and put back in place."
            for line in range(1, 16)
        ),
    ]


def pdf_bytes(pages: int = 6, *, title: str | None = None, lines: Callable[[int], list[str]] = page_lines) -> bytes:
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 842), invariant=1)
    if title is not None:
        canvas.setTitle(title)
    for number in range(1, pages + 1):
        for at, line in enumerate(lines(number)):
            canvas.drawString(40, 800 - 18 * at, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def bomb_bytes(megabytes: int) -> bytes:
    """A PDF of one page whose content unpacks to so much."""
    packer = zlib.compressobj(1)
    piece = b"BT /F1 12 Tf (more and more) Tj ET\n" * 30_000
    stream = b"".join([*(packer.compress(piece) for _ in range(megabytes)), packer.flush()])
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(out),
    )


@pytest.fixture(scope="session", autouse=True)
def model_stays_loaded() -> Iterator[None]:
    """Embedders of one process share what they load, as long as one of them is there."""
    from runtime.models.embedded import MiniLM

    holder = MiniLM()
    asyncio.run(holder.embed(["warm"]))
    yield
    asyncio.run(holder.close())


@pytest.fixture(scope="session")
def make_pdf() -> Callable[..., bytes]:
    return pdf_bytes


@pytest.fixture(scope="session")
def make_bomb() -> Callable[[int], bytes]:
    return bomb_bytes


def quick_settings(data: Path, **given: object) -> IngestionSettings:
    usual = {"ingestion_retry_seconds": (0.01,) * 3, "embedding_batch_chunks": 8, "sweep_seconds": 3600.0}
    return IngestionSettings(data=data, _env_file=None, **(usual | given))


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., IngestionSettings]:
    return partial(quick_settings, tmp_path / "data")


@pytest.fixture(scope="session")
def settings_in() -> Callable[..., IngestionSettings]:
    return quick_settings


class Agent:
    """The ingestion agent as its callers see it, with what it writes to at hand."""

    def __init__(self, on: Backends, actors: actor.Actors, settings: IngestionSettings) -> None:
        self.on = on
        self.actors = actors
        self.settings = settings
        self.told: list[Progress] = []

    def call(self, tenant: str = "local") -> Call:
        async def hear(item: Progress) -> None:
            self.told.append(item)

        caller = Caller.owner() if tenant == "local" else Caller.system(tenant)
        return Call(caller, self.on, hear)

    async def upload(self, name: str, content: bytes, tenant: str = "local") -> str:
        document, _ = await intake.accept(tenant, name, content, self.on, self.settings)
        return document.doc_id

    async def ingest(self, name: str, content: bytes, tenant: str = "local"):
        doc_id = await self.upload(name, content, tenant)
        return await server.ingest(Ingest(doc_id=doc_id), self.call(tenant))

    async def find(self, doc_id: str, tenant: str = "local"):
        return await self.on.records.documents.get(tenant, doc_id)

    async def pages(self, document, tenant: str = "local"):
        return await self.on.records.pages.all(tenant, document.version_id)

    async def chunks(self, document, version: str | None = None, tenant: str = "local"):
        version = version or document.version_id
        return await self.on.vectors.fetch(tenant, [(version, page) for page in range(1, document.pages + 1)])


@pytest.fixture(scope="session")
def agent_on() -> Callable[..., object]:
    @asynccontextmanager
    async def start(
        settings: IngestionSettings, dress: Callable[[Backends], None] | None = None
    ) -> AsyncIterator[Agent]:
        on = Backends(settings)
        await on.open(NEEDS)
        if dress is not None:
            dress(on)
        try:
            async with actor.running(on, settings) as actors:
                yield Agent(on, actors, settings)
        finally:
            await on.close()

    return start


@pytest.fixture
async def agent(make_settings, agent_on):
    async with agent_on(make_settings()) as agent:
        yield agent


@pytest.fixture
def make_document() -> Callable[[int], Document]:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def make(progress: int) -> Document:
        return Document(
            doc_id="doc_1", filename="a.pdf", status="processing", progress=progress, created_at=now, updated_at=now
        )

    return make
