"""CPU time and memory of a process together with all that it started. Reads Linux's /proc."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.1
LOOK_SHARE = 0.02
"""Most of the time that is spent on looking, so that it hardly counts itself."""


def family(pid: int) -> list[int]:
    """The process and its living descendants."""
    found = [pid]
    for parent in found:
        for task in _read(parent, "task", "children").split():
            found.append(int(task))
    return found


def _read(pid: int, *parts: str) -> str:
    try:
        if parts[0] == "task":
            tasks = Path(f"/proc/{pid}/task").iterdir()
            return " ".join((task / parts[1]).read_text() for task in tasks)
        return Path(f"/proc/{pid}", *parts).read_text()
    except OSError:  # it has ended meanwhile
        return ""


def cpu_seconds(pid: int) -> float:
    """CPU seconds, user and system, of the family so far, those of its dead members included."""
    return sum(_ticks(member) for member in family(pid)) / TICKS


def own_cpu_seconds() -> float:
    """The same for this process, to the microsecond but for its living children."""
    dead = resource.getrusage(resource.RUSAGE_CHILDREN)
    living = sum(_ticks(member) for member in family(os.getpid())[1:]) / TICKS
    return time.process_time() + dead.ru_utime + dead.ru_stime + living


def own_peak_mb() -> float:
    """The most resident memory that this process alone ever took, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _ticks(pid: int) -> int:
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))  # utime, stime and those of children that were waited for


def rss_mb(pid: int) -> float:
    """Resident memory of the family now, MB; what members share is counted for each."""
    pages = [int((_read(member, "statm") or "0 0").split()[1]) for member in family(pid)]
    return sum(pages) * PAGE_BYTES / 1e6


def shared_once_mb(pid: int) -> float:
    """Memory of the family now, MB; what members share is counted once. Slower to read than `rss_mb`."""
    rows = [line for member in family(pid) for line in _read(member, "smaps_rollup").splitlines()]
    return sum(int(row.split()[1]) for row in rows if row.startswith("Pss:")) * 1024 / 1e6


class Peak:
    """The most memory that a family took."""

    def __init__(self, read: Callable[[int], float]) -> None:
        self.mb = 0.0
        self._read = read

    def look(self, pid: int) -> None:
        """Take it as it is now into account."""
        self.mb = max(self.mb, self._read(pid))


@contextmanager
def watched(pid: int, read: Callable[[int], float] = rss_mb) -> Iterator[Peak]:
    """Look at the family's memory all the time; what lasts shorter than a look is missed."""
    peak, over = Peak(read), threading.Event()

    def watch() -> None:
        rest = SAMPLE_SECONDS
        while not over.wait(rest):
            begun = time.perf_counter()
            peak.look(pid)
            rest = max(SAMPLE_SECONDS, (time.perf_counter() - begun) / LOOK_SHARE)

    peak.look(pid)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
        peak.look(pid)
