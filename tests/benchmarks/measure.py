"""How benchmarks measure: cases take turns, each process tells its own CPU time, and figures name their machine."""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Act = Callable[[], Awaitable[object]]
"""One call of what is measured; it raises when the answer is not the right one."""
HERE = "client"
"""Name of the measuring process among those whose CPU time is read."""


def machine() -> str:
    """The machine in one line: processor, cores, load, Python."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.machine()
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"


@dataclass(frozen=True)
class Clock:
    """CPU seconds used so far by each of some processes, and by this one."""

    pids: Mapping[str, int]

    def read(self) -> dict[str, float]:
        """CPU seconds by name. Source: clock_getcpuclockid(3), whose ids are the complement of the pid, shifted."""
        used = {name: time.clock_gettime((~pid << 3) | 2) for name, pid in self.pids.items()}
        return {**used, HERE: time.process_time()}


@dataclass
class Turn:
    """Calls of one case in a row: seconds of each, wall seconds of all, CPU seconds by process, what went wrong."""

    seconds: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)

    async def run(self, acts: Sequence[Act], clock: Clock, calls: int) -> Turn:
        """As many callers at once as there are `acts`, each calling again as soon as it is answered; `calls` in all."""
        left = iter(range(calls))

        async def caller(act: Act) -> None:
            for _ in left:
                started = time.perf_counter()
                try:
                    await act()
                except Exception as error:  # counted and shown; the load goes on
                    self.errors.append(f"{type(error).__name__}: {error}")
                else:
                    self.seconds.append(time.perf_counter() - started)

        before, begun = clock.read(), time.perf_counter()
        await asyncio.gather(*(caller(act) for act in acts))
        self.wall = time.perf_counter() - begun
        self.cpu = {name: used - before[name] for name, used in clock.read().items()}
        return self

    @property
    def median_ms(self) -> float:
        """The middle call."""
        return statistics.median(self.seconds) * 1000

    @property
    def p95_ms(self) -> float:
        """What 95 of 100 calls stay below."""
        return self.below_ms(0.95)

    def below_ms(self, share: float) -> float:
        """What this share of the calls stays below."""
        return sorted(self.seconds)[int(len(self.seconds) * share)] * 1000

    @property
    def per_second(self) -> float:
        """Calls that went well per second of wall time."""
        return len(self.seconds) / self.wall

    def cpu_ms(self, names: Iterable[str] | None = None) -> float:
        """CPU milliseconds of a call, in the named processes or in all."""
        chosen = self.cpu if names is None else names
        return sum(self.cpu.get(name, 0.0) for name in chosen) / max(len(self.seconds), 1) * 1000


@dataclass
class Figures:
    """The turns of one case."""

    turns: list[Turn] = field(default_factory=list)

    def whole(self) -> Turn:
        """All turns as one."""
        names = self.turns[0].cpu
        return Turn(
            [seconds for turn in self.turns for seconds in turn.seconds],
            sum(turn.wall for turn in self.turns),
            {name: sum(turn.cpu[name] for turn in self.turns) for name in names},
            [error for turn in self.turns for error in turn.errors],
        )

    def ratio(self, other: Figures, of: Callable[[Turn], float]) -> float:
        """How a figure compares with the other case's of the same turn; the middle of all turns.

        Whatever else the machine does comes and goes; it falls on both cases of a turn, and not on all turns alike.
        """
        return statistics.median(of(own) / of(its) for own, its in zip(self.turns, other.turns, strict=True))


async def taking_turns(cases: Mapping[str, Act], clock: Clock, *, turns: int, calls: int) -> dict[str, Figures]:
    """Each case in turn, `calls` calls at a time, after a turn that does not count."""
    figures = {name: Figures() for name in cases}
    for number in range(turns + 1):
        for name, act in cases.items():
            turn = await Turn().run([act], clock, calls)
            if turn.errors:
                raise RuntimeError(f"{name}: {turn.errors[0]}")
            if number:
                figures[name].turns.append(turn)
    return figures


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows as an aligned Markdown table; numbers with two decimals."""
    shown = [
        {key: f"{value:.2f}" if isinstance(value, float) else str(value) for key, value in row.items()} for row in rows
    ]
    widths = {key: max(len(key), *(len(row[key]) for row in shown)) for key in shown[0]}
    lines = [shown[0].keys(), ["-" * width for width in widths.values()], *(row.values() for row in shown)]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths.values(), strict=True)) + " |"
        for line in lines
    )
