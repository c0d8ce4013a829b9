"""Child processes that read files, kept warm for a while; each serves one tenant only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.compute.contract import Child, Compute, Limits
from schemas.message import TenantId
from servers.ingestion.settings import IngestionSettings

MODULE = "servers.ingestion.extract"


class Extractors:
    """A child starts in a second; one that is idle waits for the same tenant's next file, then ends.

    What a hostile file may do to a child cannot reach another tenant that way.
    """

    def __init__(self, compute: Compute, settings: IngestionSettings) -> None:
        self._compute = compute
        self._limits = Limits(
            memory_mb=settings.extract_memory_mb,
            cpu_seconds=settings.extract_cpu_seconds,
            wall_seconds=settings.extract_wall_seconds,
        )
        self._idle_seconds = settings.extractor_idle_seconds
        self._most = settings.files_read_at_once
        self._free = asyncio.Semaphore(self._most)
        self._idle: list[tuple[TenantId, Child, asyncio.Task[None]]] = []

    @asynccontextmanager
    async def lease(self, tenant: TenantId) -> AsyncIterator[Child]:
        """A child for the length of the context; waits until one of them is free."""
        async with self._free:
            child = self._take(tenant) or self._compute.child(MODULE, self._limits)
            try:
                yield child
            except BaseException:
                await child.close()
                raise
            await self._keep(tenant, child)

    async def close(self) -> None:
        """End the children that wait."""
        idle, self._idle = self._idle, []
        for _, child, timer in idle:
            timer.cancel()
            await child.close()

    def _take(self, tenant: TenantId) -> Child | None:
        for waiting in self._idle:
            if waiting[0] == tenant:
                self._idle.remove(waiting)
                waiting[2].cancel()
                return waiting[1]
        return None

    async def _keep(self, tenant: TenantId, child: Child) -> None:
        self._idle.append((tenant, child, asyncio.create_task(self._expire(child))))
        if len(self._idle) > self._most:
            _, oldest, timer = self._idle.pop(0)
            timer.cancel()
            await oldest.close()

    async def _expire(self, child: Child) -> None:
        await asyncio.sleep(self._idle_seconds)
        self._idle = [waiting for waiting in self._idle if waiting[1] is not child]
        await child.close()
