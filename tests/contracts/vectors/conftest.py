"""A store of each kind, empty for each test, and units to fill it with."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np
import pytest
import pytest_asyncio

from runtime.vectors.contract import Probe, Unit, VectorStore
from runtime.vectors.embedded import EmbeddedVectors
from runtime.vectors.process import serve_store
from runtime.vectors.remote import RemoteVectors
from schemas.message import DocumentId, TenantId, VersionId

NAMESPACE = UUID("6a3f1d0e-6f0b-4b5e-9a55-0d8a3b8f2c11")
ANNA, BEN = TenantId("anna"), TenantId("ben")
DIMENSION = 8
APPLE, PEAR, PLUM = 11, 22, 33


STRANGE = [TenantId(name) for name in ("../anna", "ANNA", "an/na", "anna\x00", "ä" * 200, ".", "")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["embedded", "store"])
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[VectorStore, Path]]:
    """A store for all tests of this file, and the folder that holds all it writes."""
    place = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        embedded = await EmbeddedVectors.open(place / "vectors")
        yield embedded, place
        await embedded.close()
        return
    ready = asyncio.Event()
    serving = asyncio.create_task(serve_store(place / "vectors", place / "store.sock", ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    remote = await RemoteVectors.connect(place / "store.sock")
    yield remote, place
    await remote.close()
    serving.cancel()
    await asyncio.wait((serving,))


@pytest_asyncio.fixture(loop_scope="module")
async def store(running: tuple[VectorStore, Path]) -> AsyncIterator[VectorStore]:
    """The store, without tenants."""
    yield running[0]
    for tenant in (ANNA, BEN, *STRANGE):
        await running[0].drop(tenant)


def direction(at: int) -> np.ndarray:
    vector = np.zeros(DIMENSION, np.float32)
    vector[at] = 1.0
    return vector


def chunk(name: str, terms: dict[int, int], at: int = 0, *, version: str = "v1", page: int = 1, **more: object) -> Unit:
    """A chunk of document `name`, e.g. "a/0"; the part after the slash tells chunks of a document apart."""
    return Unit(
        uuid5(NAMESPACE, f"{name} {version}"),
        "chunk",
        DocumentId(name.partition("/")[0]),
        VersionId(f"{name.partition('/')[0]}-{version}"),
        page,
        terms,
        {"text": f"{name} in {version}", "ordinal": int(name.partition("/")[2] or 0)},
        direction(at),
        **more,  # type: ignore[arg-type]
    )


def other(kind: str, name: str, terms: dict[int, int], page: int = 1) -> Unit:
    unit_id = uuid5(NAMESPACE, f"{kind} {name} {page}")
    return Unit(unit_id, kind, DocumentId(name), VersionId(f"{name}-v1"), page, terms, {"page": page})  # type: ignore[arg-type]


def words(*indices: int, using: str = "chunk_terms", top_k: int = 10, **more: object) -> Probe:
    return Probe(using, top_k, terms=dict.fromkeys(indices, 1.0), **more)  # type: ignore[arg-type]


async def fill(store: VectorStore, tenant: TenantId, *units: Unit) -> None:
    await store.ensure(tenant, "model/1", DIMENSION)
    await store.upsert(tenant, units)
    for document, version in dict.fromkeys((unit.document, unit.version) for unit in units):
        await store.seal(tenant, document, version)


async def names(store: VectorStore, tenant: TenantId, probe: Probe) -> list[str]:
    (hits,) = await store.search(tenant, [probe])
    return [hit.payload["text"].split()[0] for hit in hits]


async def scores(store: VectorStore, tenant: TenantId, *indices: int) -> dict[str, float]:
    (hits,) = await store.search(tenant, [words(*indices)])
    return {hit.payload["text"]: hit.score for hit in hits}
