"""Passages embedded in one thread, in a thread a core, and in a process a core; in Ray, too, where it is installed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, ratio, row
from tests.benchmarks.texts import DEFAULT, passages

SHARE = 16
"""Passages that a worker takes at a time."""


def _embedded(texts: Sequence[str], threads: int) -> int:
    from runtime.models.embedded import MiniLM

    async def embed() -> int:
        embedder = MiniLM(threads=threads)
        try:
            return len(await embedder.embed(texts))
        finally:
            await embedder.close()

    return asyncio.run(embed())


def threads(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """So many threads of this process."""
    _embedded(["warm"], 1)
    with lap:
        done = _embedded(ask["texts"], ask["workers"])
    return {"passages": done}


def processes(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """So many processes, each with a model of its own; the time they take to start counts, as Ray's would."""
    with lap, ProcessPoolExecutor(ask["workers"]) as pool:
        done = sum(pool.map(_alone, _shares(ask["texts"])))
    return {"passages": done}


def in_ray(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """So many workers of a cluster that is started for this."""
    import ray

    with lap:
        ray.init(num_cpus=ask["workers"], include_dashboard=False, log_to_driver=False)
        alone = ray.remote(_alone)
        done = sum(ray.get([alone.remote(share) for share in _shares(ask["texts"])]))
        ray.shutdown()
    return {"passages": done}


def _alone(texts: Sequence[str]) -> int:
    return _embedded(texts, 1)


def _shares(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[start : start + SHARE] for start in range(0, len(texts), SHARE)]


def run(plan: Plan) -> Report:
    """Embed the same passages in each way."""
    texts = passages(map(Path, plan.files), DEFAULT, plan.count(600, 8))
    cores = len(os.sched_getaffinity(0))
    ask, here = {"texts": texts, "workers": cores}, "tests.benchmarks.suites.executors"
    cases = [
        Case("inline", f"{here}:threads", {**ask, "workers": 1}),
        Case("threads", f"{here}:threads", ask),
        Case("processes", f"{here}:processes", ask),
    ]
    has_ray = find_spec("ray") is not None
    if has_ray:
        cases.append(Case("ray", f"{here}:in_ray", ask))
    figures = interleaved(cases, plan.rounds)
    rows = [
        row(name, figure, **figure.told, passages_per_s=len(texts) / figure.wall) for name, figure in figures.items()
    ]
    times = ratio(figures["inline"].wall, figures["threads"].wall)
    bar = Bar(f"wall time: times as fast with {cores} threads as with one, {DEFAULT}", times, "at least", 1.7)
    ray_told = "" if has_ray else "; ray is not installed here and was not measured"
    return Report("executors", f"{len(texts)} passages on {cores} cores, {DEFAULT}{ray_told}", rows, [bar])
