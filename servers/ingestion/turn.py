"""One turn of a document's actor: builds a version, tries again what may pass, writes down how it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from runtime.caller import Caller, become
from runtime.errors import AgentRAGError, CancelledByUserError, InternalError
from schemas.document import Document
from schemas.message import TenantId
from servers.ingestion import lifecycle
from servers.ingestion.build import Build
from servers.ingestion.bulletin import Bulletin
from servers.ingestion.lifecycle import Event, Failed, Retrying

if TYPE_CHECKING:
    from runtime.backends import Backends
    from servers.ingestion.extractors import Extractors
    from servers.ingestion.settings import IngestionSettings

WRITE_SECONDS = 0.25
"""Progress within a stage is written down at most this often; a change of stage or status always is."""
STOP_SECONDS = 10.0
"""Seconds that a turn may take to finish the batch it stores before it is cut off."""

log = structlog.get_logger()


class Turn:
    """Runs detached from whoever asked for it; `bulletin` tells how far it is."""

    def __init__(
        self,
        on: Backends,
        settings: IngestionSettings,
        tenant: TenantId,
        document: Document,
        gate: asyncio.Semaphore,
        extractors: Extractors,
    ) -> None:
        self.bulletin = Bulletin(document)
        self.build = Build(on, settings, tenant, document)
        self._on = on
        self._settings = settings
        self._tenant = tenant
        self._gate = gate
        self._extractors = extractors
        self._written = document
        self._written_at = 0.0
        self._stopping = asyncio.Event()
        self._storing = False

    async def run(self) -> None:
        """Work until the document is completed, failed or cancelled.

        Raises: StoreUnavailableError when not even that can be written down; the document is unfinished then, and the
        next sweep finds it.
        """
        become(Caller.system(self._tenant))
        try:
            while (wait := await self._try()) is not None:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), wait)
        finally:
            self.bulletin.close()

    async def stop(self, task: asyncio.Task[None]) -> None:
        """End the turn that `task` runs: after the batch that it stores, or at once when it stores nothing."""
        self._stopping.set()
        if self._storing:
            await asyncio.wait({task}, timeout=STOP_SECONDS)
        task.cancel()
        await asyncio.wait({task})

    async def _try(self) -> float | None:
        """One try. Seconds to wait before the next one, or None when there is to be none."""
        wait = None
        try:
            async with self._gate:
                await self.build.run(self._extractors, self._tell)
            await self._clean(self.build.tidy)
        except CancelledByUserError:
            await self._clean(self.build.discard)
        except AgentRAGError as error:
            wait = await self._fail(error)
        except Exception:
            log.exception("document.crashed", doc_id=self._written.doc_id)
            wait = await self._fail(InternalError("the document could not be ingested; the log has the reason"))
        finally:
            self._storing = False
        if wait is None:
            now = await self._on.records.documents.get(self._tenant, self._written.doc_id)
            self.bulletin.post(now or self.bulletin.latest)
        return wait

    async def _fail(self, error: AgentRAGError) -> float | None:
        """Write down that a try failed. Seconds to wait before the next one, or None when it was the last."""
        problem = error.problem()
        attempts = max(1, self.bulletin.latest.attempts)
        wait = lifecycle.retry_after(error, attempts, self._settings.ingestion_retry_seconds)
        doc_id = self._written.doc_id
        try:
            if wait is None:
                log.error("document.failed", doc_id=doc_id, code=error.code, attempts=attempts)
                await self._clean(self.build.discard)
                await self._tell(Failed(problem))
            else:
                log.warning("document.retried", doc_id=doc_id, code=error.code, attempts=attempts, wait_s=wait)
                await self._tell(Retrying(problem, wait))
        except CancelledByUserError:
            await self._clean(self.build.discard)
            return None
        return wait

    async def _clean(self, act: Callable[[], Awaitable[None]]) -> None:
        """Remove leftovers. They are hidden from searches: that some stay until the next time spoils nothing."""
        try:
            await act()
        except AgentRAGError:
            log.exception("document.untidy", doc_id=self._written.doc_id)

    async def _tell(self, event: Event) -> None:
        """Tell watchers, and the records now and then. Raises CancelledByUserError when the work is not wanted now."""
        if self._stopping.is_set():
            raise CancelledByUserError("the document was cancelled")
        document = lifecycle.after(self.bulletin.latest, event)
        self._storing = document.stage in ("embedding", "indexing")
        step, written = _step(document), _step(self._written)
        if step != written or time.monotonic() - self._written_at >= WRITE_SECONDS:
            document = await self._write(document)
        self.bulletin.post(document)

    async def _write(self, document: Document) -> Document:
        changes = lifecycle.differences(self._written, document)
        found = await self._on.records.documents.change(
            self._tenant, document.doc_id, changes, expected=lifecycle.RUNNING
        )
        if found is None:
            raise CancelledByUserError("the document was cancelled or deleted")
        self._written, self._written_at = found, time.monotonic()
        return found


def _step(document: Document) -> tuple[str, str, int]:
    return document.status, document.stage, document.attempts
