"""A small library, indexed with the real embedder, store and records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import NAMESPACE_OID, uuid5

import pytest_asyncio

from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.settings import Settings
from runtime.vectors.contract import Unit
from runtime.vectors.terms import terms
from schemas.document import Document
from schemas.message import DocumentId, TenantId, VersionId
from servers.retrieval.settings import RetrievalSettings


@dataclass(frozen=True)
class Paper:
    """A document to be indexed: pages, each a list of passages."""

    name: str
    pages: list[list[str]]
    language: str = "en"
    date: date | None = None
    version: str = "v1"
    tenant: str = "local"
    author: str | None = None

    @property
    def doc_id(self) -> DocumentId:
        return DocumentId(f"doc_{self.name.partition('.')[0]}")

    @property
    def version_id(self) -> VersionId:
        return VersionId(f"{self.doc_id}-{self.version}")


@dataclass
class Library:
    """Indexes papers as ingestion does, and calls skills as their owner."""

    on: Backends
    made: list[Paper] = field(default_factory=list)

    def call(self, tenant: str = "local", **knobs: object) -> Call:
        caller = Caller.owner() if tenant == "local" else Caller.system(TenantId(tenant))
        return Call(caller, self.on, settings=RetrievalSettings(_env_file=None, **knobs))

    async def add(self, *papers: Paper, activate: bool = True) -> None:
        embedder = self.on.embedder
        for paper in papers:
            tenant = TenantId(paper.tenant)
            await self.on.vectors.ensure(tenant, embedder.fingerprint, embedder.dimension)
            await self.on.vectors.upsert(tenant, await self._units(paper))
            await self.on.vectors.seal(tenant, paper.doc_id, paper.version_id)
            now = datetime.now(UTC)
            await self.on.records.documents.add(
                tenant,
                Document(
                    doc_id=paper.doc_id,
                    filename=paper.name,
                    status="processing",
                    sha256=paper.doc_id,
                    created_at=now,
                    updated_at=now,
                ),
            )
            await self.on.records.versions.begin(
                tenant, paper.doc_id, paper.version_id, sha256=paper.version_id, fingerprint="test"
            )
            if activate:
                facts = {"author": paper.author, "pages": len(paper.pages), "media_type": "application/pdf"}
                await self.on.records.versions.activate(tenant, paper.doc_id, paper.version_id, facts)
            self.made.append(paper)

    async def _units(self, paper: Paper) -> list[Unit]:
        stem = paper.name.partition(".")[0].replace("_", " ")
        flat = [(number, text) for number, texts in enumerate(paper.pages, 1) for text in texts]
        vectors = await self.on.embedder.embed([f"{stem}. {text}" for _, text in flat])
        units = []
        start = before = 0
        for ordinal, ((page, text), vector) in enumerate(zip(flat, vectors, strict=True)):
            start, before = (start if page == before else 0), page
            payload = {
                "doc": paper.name,
                "title": None,
                "page_label": None,
                "language": paper.language,
                "ordinal": ordinal,
                "start": start,
                "end": start + len(text),
                "content": text,
            }
            units.append(self._unit(paper, "chunk", ordinal, page, f"{stem}. {text}", payload, vector))
            start += len(text) + 1
        for page, texts in enumerate(paper.pages, 1):
            units.append(self._unit(paper, "page", page, page, f"{stem}. {' '.join(texts)}", {}))
        opening = " ".join(text for texts in paper.pages[:2] for text in texts)
        return [*units, self._unit(paper, "document", 0, 1, f"{stem} {opening}", {})]

    @staticmethod
    def _unit(paper: Paper, kind: str, number: int, page: int, words: str, payload: dict, dense=None) -> Unit:
        return Unit(
            uuid5(NAMESPACE_OID, f"{paper.tenant} {paper.version_id} {kind} {number}"),
            kind,
            paper.doc_id,
            paper.version_id,
            page,
            terms(words, paper.language),
            payload,
            dense,
            paper.language,
            paper.date,
        )


PUMP = Paper(
    "pump_manual.pdf",
    [
        ["The AX-200 pump moves up to 40 litres of water per minute.", "It weighs 12 kg without its stand."],
        [
            "Keep hands and loose clothing away from the intake while the motor runs.",
            "Disconnect the mains plug before you open the housing.",
            "Never run the pump dry, or its seals will burn.",
        ],
        ["Error 41 means that the filter is blocked. Rinse it under warm water.", "Error 42 means a worn bearing."],
    ],
    date=date(2021, 5, 3),
    author="Ines Müller",
)
OVEN = Paper(
    "oven_manual.pdf",
    [
        ["The oven heats to 250 degrees in nine minutes.", "Its door has three panes of glass."],
        ["Do not touch the glass while baking; it can burn your skin.", "Use dry gloves to take out trays."],
        ["Error 41 means that the door is open. Close it firmly.", "Clean the inside with vinegar and water."],
    ],
    date=date(2023, 8, 1),
    author="Tom Baker, Ines Weber",
)
REPORT = Paper(
    "harbour_report_2022.pdf",
    [
        ["Annual report of the harbour authority for the fiscal year 2022."],
        ["Cargo handled rose to 3,400 tonnes in 2022 from 2,950 tonnes in 2021.", "Staff costs fell by 4 percent."],
    ],
    date=date(2023, 2, 1),
)
VINO = Paper(
    "guia_del_vino.pdf",
    [
        ["La uva tempranillo madura pronto y da vinos de color intenso."],
        ["Las bodegas guardan el vino en barricas de roble durante doce meses."],
    ],
    language="es",
    date=date(2020, 1, 1),
)
TEA = Paper(
    "茶.pdf",
    [["绿茶应当用八十度的热水冲泡两分钟。"], ["红茶需要完全发酵，颜色较深。"]],
    language="zh",
    date=date(2019, 1, 1),
)
PAPERS = (PUMP, OVEN, REPORT, VINO, TEA)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def library(tmp_path_factory) -> AsyncIterator[Library]:
    backends = Backends(Settings(data=tmp_path_factory.mktemp("data"), _env_file=None))
    await backends.open(("vectors", "records", "embedder"))
    made = Library(backends)
    await made.add(*PAPERS)
    yield made
    await backends.close()
