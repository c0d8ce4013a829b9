"""Measure pictures of pages with a passage in yellow: `python -m tests.benchmarks.picturing --corpus DIR`.

Pages are drawn at 108 dots an inch by the citation agent's `page_image`, first afresh, then from its cache. CPU time is
that of the agent and of the process that draws, together.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import statistics
import tempfile
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.records.contract import PageRecord
from runtime.sentences import sentences
from schemas.citation import PageImage
from schemas.message import VersionId
from schemas.skills import ShowPage
from servers.citation import server
from servers.citation.settings import CitationSettings
from tests.benchmarks.corpus import Corpus
from tests.benchmarks.locating import added
from tests.benchmarks.measure import Clock, machine

DOTS_PER_INCH = 108
LEAST_CHARS = 40
"""Characters of a sentence worth showing."""


@dataclass(frozen=True)
class Shot:
    """A page that was shown twice: CPU milliseconds of either time, and bytes of the file."""

    what: str
    fresh_ms: float
    cached_ms: float
    size: int


def asked(doc_id: str, page: PageRecord, chance: random.Random) -> ShowPage:
    """The page with one of its sentences, if it has any."""
    there = [page.text[start:end] for start, end in sentences(page.text) if LEAST_CHARS <= end - start <= 600]
    return ShowPage(
        doc_id=doc_id,
        page=page.page,
        quote=chance.choice(there) if there else None,
        width=min(2400, max(100, round((page.width or 612) / 72 * DOTS_PER_INCH))),
    )


async def timed(ask: ShowPage, call: Call) -> tuple[PageImage, float]:
    """The answer, and the CPU milliseconds that all processes took for it."""
    clock = Clock({str(pid): pid for pid in _children()})
    before = clock.read()
    shown = await server.page_image(ask, call)
    return shown, 1000 * sum(used - before[name] for name, used in clock.read().items())


def _children() -> list[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


async def measured(files: Sequence[Path], count: int, seed: int, data: Path) -> list[Shot]:
    """So many pages, the files in turn."""
    chance = random.Random(seed)
    on = Backends(CitationSettings(data=data, _env_file=None))
    await on.open(("records", "blobs", "live", "compute"))
    call = Call(Caller.owner(), on)
    try:
        pages = [
            (path.name, doc_id, await on.records.pages.all(call.caller.tenant, await _version(call, doc_id)))
            for path in files
            for doc_id in [await added(path, on, call.caller)]
        ]
        await server.page_image(asked(pages[0][1], pages[0][2][0], random.Random(0)), call)  # starts the process
        shots = []
        for index in range(count):
            name, doc_id, there = pages[index % len(pages)]
            shots.append(await _shot(name, asked(doc_id, there.pop(chance.randrange(len(there))), chance), call))
        return shots
    finally:
        await on.close()


async def _version(call: Call, doc_id: str) -> VersionId:
    document = await call.on.records.documents.get(call.caller.tenant, doc_id)
    return VersionId(document.version_id or "") if document is not None else VersionId("")


async def _shot(name: str, ask: ShowPage, call: Call) -> Shot:
    shown, fresh = await timed(ask, call)
    _, cached = await timed(ask, call)
    what = f"{name} page {ask.page}, {shown.picture.width} x {shown.picture.height}, {shown.highlights} boxes"
    return Shot(what, fresh, cached, len(b64decode(shown.picture.base64)))


def report(shots: Sequence[Shot]) -> str:
    """Medians, 95 of 100, the dearest pages."""
    rows = [
        ("fresh, CPU ms", [shot.fresh_ms for shot in shots]),
        ("cached, CPU ms", [shot.cached_ms for shot in shots]),
        ("file, KiB", [shot.size / 1024 for shot in shots]),
    ]
    lines = [f"{len(shots)} pages at {DOTS_PER_INCH} dots an inch"]
    for name, values in rows:
        ordered = sorted(values)
        p95 = ordered[int(0.95 * len(ordered))]
        lines.append(f"{name:15} median {statistics.median(values):6.1f}  p95 {p95:6.1f}  most {ordered[-1]:6.1f}")
    dearest = sorted(shots, key=lambda shot: -shot.fresh_ms)[:3]
    return "\n".join([*lines, *(f"{shot.fresh_ms:6.1f} ms {shot.what}" for shot in dearest)])


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.picturing", description=__doc__)
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="PDFs to draw pages of (reports of our own making)")
    parser.add_argument("--pages", type=int, default=60, metavar="N", help="how many (60)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, other pages (1)")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = options()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="agentrag-picturing-") as folder:
        corpus = Corpus.of(given.corpus) if given.corpus else Corpus.made(Path(folder) / "corpus")
        print(machine(), flush=True)
        print(report(asyncio.run(measured(corpus.files, given.pages, given.seed, Path(folder) / "data"))))


if __name__ == "__main__":
    main()
