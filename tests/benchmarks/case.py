"""A case: a function in a fresh process that tells how long its work took, its CPU time and its memory.

This file needs the standard library alone, for it also runs in the virtual environment of the peers.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from tests.benchmarks import processes

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 1800.0
"""A case that takes longer is broken."""
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "DO_NOT_TRACK": "1"}
"""Peers ask the network for models and send telemetry otherwise."""


class Lap:
    """Measures the part of a case that counts; imports, models and data are got ready before it."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0

    def __enter__(self) -> Lap:
        self._begun = time.perf_counter(), processes.own_cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wall, cpu = self._begun
        self.wall += time.perf_counter() - wall
        self.cpu += processes.own_cpu_seconds() - cpu


Work = Callable[[Mapping[str, Any], Lap], Mapping[str, Any]]
"""What a case does: from its arguments to what it tells of its results, with the part that counts in the lap."""


@dataclass(frozen=True)
class Case:
    """`place` is `module:function`, a `Work`; `python` runs it.

    Each run is given a new `folder` unless `ask` names one.
    """

    name: str
    place: str
    ask: Mapping[str, Any]
    python: str = sys.executable


@dataclass(frozen=True)
class Figure:
    """What a case took: seconds of wall and CPU time in its lap, most memory in MB, and what it tells.

    Memory that its processes share is counted once.
    """

    wall: float
    cpu: float
    peak_mb: float
    told: Mapping[str, Any] = field(default_factory=dict)


def measured(case: Case) -> Figure:
    """Run a case. Raises: RuntimeError with its last words when it fails."""
    command = (case.python, "-m", "tests.benchmarks.case", case.place)
    with TemporaryDirectory(prefix="agentrag-bench-") as folder:
        done = subprocess.run(
            command,
            input=json.dumps({"folder": folder, **case.ask}),
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **OFFLINE},
            timeout=LONGEST_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"{case.name} failed: {done.stderr[-2000:]}")
    return Figure(**json.loads(done.stdout.splitlines()[-1]))


def interleaved(cases: Sequence[Case], rounds: int) -> dict[str, Figure]:
    """The middle of `rounds` runs of each; they take turns, so that what else the machine does falls on all alike."""
    runs: dict[str, list[Figure]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            runs[case.name].append(measured(case))
    return {name: middle(figures) for name, figures in runs.items()}


def middle(figures: Sequence[Figure]) -> Figure:
    """The median of each figure, the most memory; what the last run tells."""
    return Figure(
        wall=statistics.median(one.wall for one in figures),
        cpu=statistics.median(one.cpu for one in figures),
        peak_mb=max(one.peak_mb for one in figures),
        told=figures[-1].told,
    )


def main(place: str) -> None:
    """Do the work of a case in this process and print what it took."""
    module, _, name = place.partition(":")
    work: Work = getattr(importlib.import_module(module), name)
    lap = Lap()
    with processes.watched(os.getpid(), processes.shared_once_mb) as peak:
        told = work(json.load(sys.stdin), lap)
    peak_mb = max(peak.mb, processes.own_peak_mb())
    print(json.dumps({"wall": lap.wall, "cpu": lap.cpu, "peak_mb": peak_mb, "told": dict(told)}))


if __name__ == "__main__":
    main(sys.argv[1])
