"""A yearly report from PDF to searchable: ours, whole and as its bare stages, against the peers' default pipelines."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Figure, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, ratio, row
from tests.benchmarks.texts import DEFAULT, maker, pages

WHOLE, BARE, OPENAI = f"ours, minilm ({DEFAULT.name})", f"its bare stages ({DEFAULT.name})", "ours, openai (206/50)"
PEERS = {
    "LangChain (1,000/200 characters)": ("langchain", "langchain_chroma"),
    "LlamaIndex (1,024/200 tokens)": ("llamaindex", "llama_index"),
    "Haystack (200 words)": ("haystack", "haystack"),
}
LANGCHAIN = next(iter(PEERS))
STAGES = ("read", "cut", "embed", "index")


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The ingestion agent's own work, its store and its reader of files being children whose CPU time counts."""
    from runtime.backends import Backends
    from schemas.message import TenantId
    from servers.ingestion import actor
    from servers.ingestion.settings import IngestionSettings

    async def work() -> int:
        settings = IngestionSettings(data=Path(ask["folder"]), chunk_profile=ask["profile"])
        on = Backends(settings)
        await on.open(("vectors", "records", "blobs", "compute", "embedder"))
        path = Path(ask["file"])
        async with actor.running(on, settings) as actors:
            await on.embedder.embed(["warm"])
            with lap:
                document, _ = await actors.take_in(TenantId("local"), path.name, path.read_bytes())
        await on.close()
        if document.status != "completed":
            raise RuntimeError(f"{document.status}: {document.error}")
        return document.chunks or 0

    return {"chunks": asyncio.run(work())}


def bare(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """One stage after the other with nothing around them: read, cut, embed, then make the units and store them."""
    from runtime.models.embedded import MiniLM
    from runtime.vectors.embedded import EmbeddedVectors
    from servers.ingestion.split import split
    from servers.ingestion.units import passage

    stages = {name: Lap() for name in STAGES}

    async def work() -> int:
        model, path = MiniLM(), Path(ask["file"])
        await model.embed(["warm"])
        store = await EmbeddedVectors.open(Path(ask["folder"]))
        make = maker(path)
        with lap:
            with stages["read"]:
                read = {page.page: page for page in pages(path)}
            with stages["cut"]:
                pieces = split(list(read.values()), model.token_spans, size=DEFAULT.size, overlap=DEFAULT.overlap)
            with stages["embed"]:
                rows = await model.embed([passage(make.document, read[one.page].text, one.content) for one in pieces])
            with stages["index"]:
                units = [make.chunk(one, read[one.page], vector) for one, vector in zip(pieces, rows, strict=True)]
                units += [*map(make.page, read.values()), make.prior(list(read.values()))]
                await store.ensure(make.tenant, model.fingerprint, model.dimension)
                await store.upsert(make.tenant, units)
                await store.seal(make.tenant, units[0].document, make.version)
        await store.close()
        await model.close()
        return len(pieces)

    return {"chunks": asyncio.run(work()), **{f"{name} CPU s": stage.cpu for name, stage in stages.items()}}


def run(plan: Plan) -> Report:
    """Ingest the same report with each, into a folder of its own each time."""
    path, length = plan.corpus.report()
    here = "tests.benchmarks.suites.ingest"
    ask = {"file": str(path), "model": str(plan.model)}
    cases = [
        Case(WHOLE, f"{here}:ours", {**ask, "profile": "minilm"}),
        Case(BARE, f"{here}:bare", ask),
        Case(OPENAI, f"{here}:ours", {**ask, "profile": "openai"}),
    ]
    for name, (module, needs) in PEERS.items():
        cases += plan.reference(name, f"{module}:ingest", needs, ask)
    figures = interleaved(cases, plan.rounds)
    rows = [row(name, figure, **figure.told) for name, figure in figures.items()]
    bars = [Bar(f"CPU by that of its bare stages, {DEFAULT}", _over_bare(figures), "at most", 1.15)]
    for own in (WHOLE, OPENAI):
        bars += _beside_langchain(own, figures)
    return Report("ingest", f"a report of {length} pages, {path.stat().st_size / 1e6:.1f} MB", rows, bars)


def _over_bare(figures: Mapping[str, Figure]) -> float:
    return ratio(figures[WHOLE].cpu, figures[BARE].cpu)


def _beside_langchain(own: str, figures: Mapping[str, Figure]) -> list[Bar]:
    theirs, ours_ = figures.get(LANGCHAIN), figures[own]
    if theirs is None:
        return []
    against = f"{own} against {LANGCHAIN}"
    return [
        Bar(f"wall time: times as fast, {against}", ratio(theirs.wall, ours_.wall), "at least", 5),
        Bar(f"CPU: times as fast, {against}", ratio(theirs.cpu, ours_.cpu), "at least", 4.5),
        Bar(f"memory by theirs, {against}", ratio(ours_.peak_mb, theirs.peak_mb), "at most", 0.3),
    ]
