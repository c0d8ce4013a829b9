"""The nearest chunks within one of ten documents: our store, a process apart, against qdrant-client's path mode."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.benchmarks.case import Case, Figure, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row, ratio, row

if TYPE_CHECKING:
    from runtime.vectors.contract import Unit

DOCUMENTS, TOP = 10, 10
PAYLOAD = "x" * 600
"""About as much as a chunk says."""


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The embedded store, asked over its socket; its CPU time counts, too."""
    import numpy as np

    rows, asked = np.load(ask["rows"]), np.load(ask["asked"])[: ask["queries"]]

    async def search(folder: Path) -> Mapping[str, Any]:
        from runtime.vectors.contract import Probe
        from runtime.vectors.embedded import EmbeddedVectors
        from schemas.chunk import Filters
        from schemas.message import DocumentId, TenantId, VersionId

        tenant, found = TenantId("local"), []
        store = await EmbeddedVectors.open(folder)
        await store.ensure(tenant, "benchmark", rows.shape[1])
        begun = time.perf_counter()
        await store.upsert(tenant, [_unit(number, one) for number, one in enumerate(rows)])
        await store.seal(tenant, DocumentId("doc_0"), VersionId("v"))
        build = time.perf_counter() - begun
        with lap:
            for number, one in enumerate(asked):
                only = Filters(doc_ids=(f"doc_{number % DOCUMENTS}",))
                (hits,) = await store.search(tenant, [Probe("dense", TOP, dense=one, filters=only)])
                found.append([hit.id.int for hit in hits])
        await store.close()
        return {"found": found, "build_s": build}

    with TemporaryDirectory() as folder:
        return asyncio.run(search(Path(folder)))


def _unit(number: int, vector: Any) -> Unit:
    from runtime.vectors.contract import Unit
    from schemas.message import DocumentId, VersionId

    document = DocumentId(f"doc_{number % DOCUMENTS}")
    told = {"content": PAYLOAD}
    return Unit(UUID(int=number), "chunk", document, VersionId("v"), 1, {number % 1000: 1}, told, dense=vector)


def run(plan: Plan) -> Report:
    """Search the same vectors with the same filters."""
    import numpy as np

    from tests.benchmarks.synthetic import mixtures, vectors
    from tests.benchmarks.texts import DEFAULT, passages

    count = plan.count(20_000, 300)
    real = vectors(passages(map(Path, plan.files), DEFAULT, plan.count(600, 20)))
    plan.scratch.mkdir(parents=True, exist_ok=True)
    rows, asked = mixtures(real, count, seed=1), mixtures(real, plan.count(500, 5), seed=2)
    places = {"rows": str(plan.scratch / "rows.npy"), "asked": str(plan.scratch / "asked.npy")}
    np.save(places["rows"], rows)
    np.save(places["asked"], asked)
    cases = [Case("ours", "tests.benchmarks.suites.search:ours", {**places, "queries": len(asked)})]
    few = {**places, "queries": plan.count(30, 3), "documents": DOCUMENTS, "top": TOP}
    cases += plan.reference("qdrant-client, path mode", "qdrant:search", "qdrant_client", few)
    figures = interleaved(cases, plan.rounds)
    bars = [Bar("recall@10 with a filter", _recall(figures["ours"].told["found"], rows, asked), "at least", 0.95)]
    if (peer := figures.get("qdrant-client, path mode")) is not None:
        times = ratio(_cpu_ms(peer), _cpu_ms(figures["ours"]))
        bars.append(Bar(f"CPU per search: times as fast as qdrant-client, {count} chunks", times, "at least", 100))
    about = f"{count} chunks in {DOCUMENTS} documents, the {TOP} nearest within one of them"
    return Report("search", about, [_row(name, figure) for name, figure in figures.items()], bars)


def _cpu_ms(figure: Figure) -> float:
    return 1000 * figure.cpu / len(figure.told["found"])


def _row(name: str, figure: Figure) -> Row:
    searches = len(figure.told["found"])
    wall_ms = 1000 * figure.wall / searches
    told = {"searches": searches, "wall_ms_each": wall_ms, "CPU_ms_each": _cpu_ms(figure)}
    return row(name, figure, **told, build_s=figure.told["build_s"])


def _recall(found: Sequence[Sequence[int]], rows: Any, asked: Any) -> float:
    """How many of the truly nearest were found."""
    right = 0
    for number, hits in enumerate(found):
        own = range(number % DOCUMENTS, len(rows), DOCUMENTS)
        scores = rows[own.start :: DOCUMENTS] @ asked[number]
        right += len({own[int(at)] for at in (-scores).argsort()[:TOP]} & set(hits))
    return right / (TOP * len(found))
