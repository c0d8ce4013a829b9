"""Kill the store in the middle of writing, again and again: nothing that was acknowledged may be lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from pathlib import Path
from uuid import UUID

from runtime.errors import FolderInUseError, StoreUnavailableError
from runtime.vectors.contract import Probe, Unit
from runtime.vectors.embedded import EmbeddedVectors
from runtime.vectors.remote import RemoteVectors
from schemas.message import DocumentId, TenantId, VersionId
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row

TENANT, DOCUMENT, VERSION = TenantId("local"), DocumentId("doc"), VersionId("v")
BATCH = 64
PAGE_CHUNKS = 50
LONGEST_SECONDS = 0.6
"""The store is killed so long after writing began, at most."""


class Unrepeated(EmbeddedVectors):
    """A store whose client does not start another child by itself, so that a batch is acknowledged or not."""

    async def _ensure_child(self) -> None:
        if self._child is not None:
            raise StoreUnavailableError("killed")
        await super()._ensure_child()


def unit(number: int) -> Unit:
    """A chunk that can be told from all others."""
    import numpy as np

    chance = np.random.default_rng(number)
    vector = chance.standard_normal(32).astype(np.float32)
    terms = {number: 1, 7: 1}
    return Unit(
        UUID(int=number), "chunk", DOCUMENT, VERSION, number // PAGE_CHUNKS, terms, {"ordinal": number}, dense=vector
    )


async def killed(folder: Path, first: int, delay: float) -> int:
    """Write batches from `first` on until the store is killed; the number of the first chunk not acknowledged."""
    store = await Unrepeated.open(folder)
    await store.ensure(TENANT, "benchmark", 32)
    pid, done = store.pid, first
    assert pid is not None
    await store.upsert(TENANT, [unit(first)])  # whatever it takes to begin is over before the clock runs
    asyncio.get_running_loop().call_later(delay, os.kill, pid, signal.SIGKILL)
    try:
        while True:
            await store.upsert(TENANT, [unit(number) for number in range(done, done + BATCH)])
            done += BATCH
            if done % (8 * BATCH) == 0:
                await store.seal(TENANT, DOCUMENT, VERSION)
    except StoreUnavailableError:
        return done
    finally:
        await store.close()


async def held(folder: Path, most: int) -> list[int]:
    """The numbers of all chunks that are found, with repetitions if there were any."""
    store = await EmbeddedVectors.open(folder)
    try:
        places = [(VERSION, page) for page in range(most // PAGE_CHUNKS + 1)]
        by_page = [hit.id.int for hit in await store.fetch(TENANT, places)]
        (by_words,) = await store.search(TENANT, [Probe("chunk_terms", most, terms={7: 1.0})])
        assert {hit.id.int for hit in by_words} == set(by_page)
        return by_page
    finally:
        await store.close()


async def refused(folder: Path) -> bool:
    """Whether a second owner is refused, and the first one goes on."""
    first = await EmbeddedVectors.open(folder)
    try:
        await EmbeddedVectors.open(folder)
    except FolderInUseError:
        await RemoteVectors.ping(first)
        await first.seal(TENANT, DOCUMENT, VERSION)
        return True
    finally:
        await first.close()
    return False


async def measured(folder: Path, kills: int) -> list[Row]:
    """A row for each kill."""
    chance, rows, acknowledged = random.Random(4), [], 0
    for number in range(1, kills + 1):
        acknowledged = await killed(folder, acknowledged, chance.uniform(0.05, LONGEST_SECONDS))
        found = await held(folder, acknowledged + BATCH)
        lost = set(range(acknowledged)) - set(found)
        rows.append(
            {"kill": number, "acknowledged": acknowledged, "lost": len(lost), "twice": len(found) - len(set(found))}
        )
    return rows


def run(plan: Plan) -> Report:
    """Kill the store at moments that chance chooses."""
    kills, folder = plan.count(20, 2), plan.scratch / "crash"
    folder.mkdir(parents=True)
    rows = asyncio.run(measured(folder, kills))
    second = asyncio.run(refused(folder))
    bars = [
        Bar(f"acknowledged chunks lost in {kills} kills", sum(row["lost"] for row in rows), "at most", 0),
        Bar(f"chunks held twice after {kills} kills", sum(row["twice"] for row in rows), "at most", 0),
        Bar("a second owner is refused and does no harm", float(second), "at least", 1),
    ]
    return Report("crash", f"batches of {BATCH} chunks, sealed now and then", rows, bars)
