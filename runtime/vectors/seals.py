"""Seals of many documents at once: sealing works on a whole corpus, so those that wait are done by one."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence

from runtime.errors import StoreUnavailableError
from schemas.message import DocumentId, TenantId, VersionId

Which = tuple[DocumentId, VersionId]
Waiting = list[tuple[Which, asyncio.Future[int]]]


MOST_REST_SECONDS = 1.0
"""A store that seals does nothing else, so between two seals it has as long for other work, but no longer than this."""


class Seals:
    """Calls `act` for all versions of a tenant that came while it was at work, or at rest, after the ones before."""

    def __init__(self, act: Callable[[TenantId, Sequence[Which]], Awaitable[Sequence[int]]]) -> None:
        self._act = act
        self._waiting: defaultdict[TenantId, Waiting] = defaultdict(list)
        self._working: dict[TenantId, asyncio.Task[None]] = {}

    async def seal(self, tenant: TenantId, which: Which) -> int:
        """How many chunks the version holds, once it is sealed. Raises what `act` raises."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[tenant].append((which, done))
        if tenant not in self._working:
            self._working[tenant] = asyncio.create_task(self._work(tenant))
        return await done

    async def _work(self, tenant: TenantId) -> None:
        group: Waiting = []
        try:
            while group := self._waiting.pop(tenant, []):
                started = time.monotonic()
                await self._together(tenant, group)
                group = []
                await asyncio.sleep(min(time.monotonic() - started, MOST_REST_SECONDS))
        finally:
            del self._working[tenant]
            for _, done in (*group, *self._waiting.pop(tenant, [])):
                if not done.done():
                    done.set_exception(StoreUnavailableError("the vectors are closed; open the backends anew"))

    async def _together(self, tenant: TenantId, group: Waiting) -> None:
        try:
            counts = await self._act(tenant, [which for which, _ in group])
        except Exception as error:  # whatever it is, those who wait must hear of it
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), count in zip(group, counts, strict=True):
            if not done.done():
                done.set_result(count)

    async def close(self) -> None:
        """Give up what is under way; who waits for it is told."""
        tasks = list(self._working.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
