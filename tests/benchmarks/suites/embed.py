"""Chunks to vectors: ours in int8 and fp32 against sentence-transformers, the same model with the same weights."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Figure, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row, ratio, row
from tests.benchmarks.texts import DEFAULT, MEASURED, Profile, passages

PEER = "sentence-transformers"


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The embedder of the agents."""
    import numpy as np

    from runtime.models.embedded import MiniLM

    async def embed() -> None:
        embedder = MiniLM(ask["precision"], threads=ask.get("threads"))
        await embedder.embed(["warm"])
        with lap:
            rows = await embedder.embed(ask["texts"])
        np.save(ask["vectors"], rows)
        await embedder.close()

    asyncio.run(embed())
    return {}


def run(plan: Plan) -> Report:
    """Embed the same passages with each, in both sizes."""
    plan.scratch.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    bars: list[Bar] = []
    for profile in MEASURED:
        texts = passages(map(Path, plan.files), profile, plan.count(300, 6))
        figures = interleaved(_cases(plan, texts), plan.rounds)
        rows += [_row(name, figure, len(texts), profile) for name, figure in figures.items()]
        bars += _speed(figures, profile)
        if profile == DEFAULT:
            bars += _fidelity(plan, has_peer=PEER in figures)
    return Report(
        "embed", f"passages of {len(plan.files)} files, each with its prefix, {MEASURED[0]} or larger", rows, bars
    )


def _cases(plan: Plan, texts: list[str]) -> list[Case]:
    def ask(name: str) -> dict[str, Any]:
        return {"texts": texts, "precision": name, "vectors": _vectors(plan, name)}

    place = "tests.benchmarks.suites.embed:ours"
    theirs = {**ask(PEER), "model": str(plan.model)}
    peers = plan.reference(PEER, "sentence_transformers:embed", "sentence_transformers", theirs)
    return [Case("ours int8", place, ask("int8")), *peers, Case("ours fp32", place, ask("fp32"))]


def _vectors(plan: Plan, name: str) -> str:
    return str(plan.scratch / f"{name}.npy")


def _row(name: str, figure: Figure, texts: int, profile: Profile) -> Row:
    return row(f"{name}, {profile.size}", figure, CPU_ms_per_chunk=1000 * figure.cpu / texts, chunks=texts)


def _speed(figures: Mapping[str, Figure], profile: Profile) -> list[Bar]:
    peer = figures.get(PEER)
    if peer is None:
        return []
    what = "CPU: times as fast as sentence-transformers"
    return [
        Bar(f"{what}, int8, {profile}", ratio(peer.cpu, figures["ours int8"].cpu), "at least", 3),
        Bar(f"{what}, fp32, {profile}", ratio(peer.cpu, figures["ours fp32"].cpu), "at least", 1.5),
    ]


def _fidelity(plan: Plan, *, has_peer: bool) -> list[Bar]:
    import numpy as np

    int8, fp32 = np.load(_vectors(plan, "int8")), np.load(_vectors(plan, "fp32"))
    cosines = (int8 * fp32).sum(axis=1)
    bars = [
        Bar("cosine of int8 to fp32, mean", float(cosines.mean()), "at least", 0.99),
        Bar("cosine of int8 to fp32, least", float(cosines.min()), "at least", 0.98),
    ]
    if has_peer:
        same = (fp32 * np.load(_vectors(plan, PEER))).sum(axis=1)
        bars.append(Bar("cosine of fp32 to sentence-transformers, least", float(same.min()), "at least", 0.9999))
    return bars
