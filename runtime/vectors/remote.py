"""A store in another process of this machine, reached over its Unix socket."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from opentelemetry.trace import SpanKind

from runtime import frames, telemetry
from runtime.errors import StoreUnavailableError
from runtime.vectors.contract import Hit, Place, Probe, Unit
from runtime.vectors.place import short
from runtime.vectors.seals import Seals
from runtime.vectors.terms import TERMS_FINGERPRINT
from runtime.vectors.wire import (
    PROTOCOL,
    pack_places,
    pack_probe,
    pack_unit,
    unpack_error,
    unpack_hits,
    unpack_places,
    unpack_vector,
)
from schemas.message import DocumentId, TenantId, VersionId

if TYPE_CHECKING:
    from runtime.vectors.contract import Floats

CONNECTIONS = 4
"""Requests under way at a time; the store works on them in turns."""

UPSERT_UNITS = 64
"""Units sent at a time, so that neither side is held up by a large frame."""

READ_SECONDS = 30.0
WRITE_SECONDS = 900.0
"""Longest wait for an answer; sealing may weigh a whole corpus anew."""


class _Connection:
    """One connection, for one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: dict[str, Any]) -> Any:
        await frames.write(self._writer, request)
        return await frames.read(self._reader)

    def close(self) -> None:
        with suppress(RuntimeError):  # the loop that it belonged to is closed already, and its sockets with it
            self._writer.close()


class RemoteVectors:
    """A `VectorStore` behind a socket. Connects again by itself when the store was restarted."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._idle: list[_Connection] = []
        self._slots = asyncio.Semaphore(CONNECTIONS)
        self._seals = Seals(self._seal)

    @classmethod
    async def connect(cls, socket: Path) -> RemoteVectors:
        """A client of the store at `socket`. Raises StoreUnavailableError when none answers there."""
        found = cls(short(socket))
        await found.ping()
        return found

    # asking -----------------------------------------------------------------------------------------------------------

    async def _ask(self, do: str, seconds: float, **fields: Any) -> Any:
        with telemetry.tracer.start_as_current_span(f"store.{do}", kind=SpanKind.CLIENT):
            answer = await self._exchange({"do": do, **fields}, seconds)
        if "error" in answer:
            raise unpack_error(answer["error"])
        return answer["ok"]

    async def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        async with self._slots:
            try:
                async with asyncio.timeout(seconds):
                    return await self._ask_any(request)
            except TimeoutError:
                raise StoreUnavailableError(
                    f"the store at {self._socket} did not answer {request['do']!r} within {seconds:g} s; try again, or "
                    f"restart it"
                ) from None

    async def _ask_any(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask over an idle connection, or over a new one when there is none or the store has gone since."""
        while self._idle:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._ask_over(self._idle.pop(), request)
        try:
            reader, writer = await asyncio.open_unix_connection(str(self._socket))
            return await self._ask_over(_Connection(reader, writer), request)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StoreUnavailableError(
                f"no store answers at {self._socket} ({type(error).__name__}); start `agentrag serve store`, or "
                f"check AGENTRAG_VECTORS_URL"
            ) from error

    async def _ask_over(self, connection: _Connection, request: dict[str, Any]) -> dict[str, Any]:
        """Ask, and keep the connection only if the whole answer came: a cancelled request leaves half of one."""
        try:
            answer: dict[str, Any] = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return answer

    # the contract -----------------------------------------------------------------------------------------------------

    async def ensure(self, tenant: TenantId, fingerprint: str, dimension: int) -> None:
        """Note what the tenant's index is made with; refuse one that was made otherwise."""
        made_with = {"fingerprint": fingerprint, "dimension": dimension, "terms": TERMS_FINGERPRINT}
        await self._ask("ensure", READ_SECONDS, tenant=tenant, **made_with)

    async def upsert(self, tenant: TenantId, units: Sequence[Unit]) -> None:
        """Write units, in batches; each batch survives a kill of the store once it is acknowledged."""
        for start in range(0, len(units), UPSERT_UNITS):
            packed = [pack_unit(unit) for unit in units[start : start + UPSERT_UNITS]]
            await self._ask("upsert", WRITE_SECONDS, tenant=tenant, units=packed)

    async def seal(self, tenant: TenantId, document: DocumentId, version: VersionId) -> int:
        """Weigh the terms by the corpus, make all durable, return how many chunks the version holds.

        Versions that come while another one is sealed are sealed together.
        """
        return await self._seals.seal(tenant, (document, version))

    async def _seal(self, tenant: TenantId, versions: Sequence[tuple[DocumentId, VersionId]]) -> list[int]:
        packed = [list(version) for version in versions]
        return [int(chunks) for chunks in await self._ask("seal", WRITE_SECONDS, tenant=tenant, versions=packed)]

    async def search(self, tenant: TenantId, probes: Sequence[Probe]) -> list[list[Hit]]:
        """Run searches together; one ranked list for each, best first, equal scores in order of id."""
        packed = [pack_probe(probe) for probe in probes]
        return unpack_hits(await self._ask("search", READ_SECONDS, tenant=tenant, probes=packed))

    async def fetch(self, tenant: TenantId, places: Sequence[Place]) -> list[Hit]:
        """All chunks on the given pages, in document order: by the payload's `ordinal`, if any."""
        packed = await self._ask("fetch", READ_SECONDS, tenant=tenant, places=pack_places(set(places)))
        order = {version: at for at, (version, _) in enumerate(reversed(places))}
        (hits,) = unpack_hits(packed)
        return sorted(hits, key=lambda hit: (-order[hit.version], hit.page, hit.payload.get("ordinal", 0), hit.key))

    async def pages(self, tenant: TenantId, probes: Sequence[Probe]) -> list[frozenset[Place]]:
        """All pages that hold any of the terms of each probe; of one without terms, every page."""
        packed = [pack_probe(probe) for probe in probes]
        found = await self._ask("pages", READ_SECONDS, tenant=tenant, probes=packed)
        return [unpack_places(places) for places in found]

    async def state(self, tenant: TenantId) -> str:
        """Names what the tenant's index holds; another one after each change and after a restart of the store."""
        return str(await self._ask("state", READ_SECONDS, tenant=tenant))

    async def vectors(self, tenant: TenantId, places: Sequence[tuple[VersionId, int]]) -> Mapping[UUID, Floats]:
        """The dense vectors of the chunks on the given (version, page) places, by their ids."""
        pairs = await self._ask("vectors", READ_SECONDS, tenant=tenant, places=pack_places(set(places)))
        return {UUID(bytes=id_): unpack_vector(vector) for id_, vector in pairs}

    async def delete(self, tenant: TenantId, document: DocumentId, version: VersionId | None = None) -> int:
        """Remove a document, or one version of it; return how many chunks went."""
        return int(await self._ask("delete", WRITE_SECONDS, tenant=tenant, document=document, version=version))

    async def drop(self, tenant: TenantId) -> None:
        """Remove everything of a tenant."""
        await self._ask("drop", WRITE_SECONDS, tenant=tenant)

    async def ping(self) -> None:
        """Return when the store answers. Raises StoreUnavailableError for one of another version."""
        found = await self._ask("ping", READ_SECONDS)
        if found["protocol"] != PROTOCOL:
            raise StoreUnavailableError(
                f"the store at {self._socket} speaks protocol {found['protocol']}, this process {PROTOCOL} "
                f"(pid {os.getpid()}); run one version of AgentRAG for both"
            )

    async def close(self) -> None:
        """Close the connections; the store goes on."""
        await self._seals.close()
        while self._idle:
            self._idle.pop().close()
