"""Durable work in one process: generators over an SQLite journal. What a crash cuts off goes on at `resume`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import structlog

from runtime.durable.contract import Activity, Json, Workflow, WorkflowState
from runtime.durable.execution import Ended, Execution, NonDeterminismError, replay
from runtime.durable.journal import Journal, Opening
from runtime.durable.lock import own
from runtime.durable.payload import encode
from runtime.durable.run import Run, Workshop
from runtime.errors import (
    AgentRAGError,
    ConflictError,
    InternalError,
    NotFoundError,
    SettingsError,
    StoreUnavailableError,
)
from runtime.ownership import Ownership

log = structlog.get_logger()
T = TypeVar("T")

ACTIVITIES_AT_ONCE = 64
KEPT = timedelta(days=7)
"""How long an ended run can be asked about."""
KEPT_RUNS = 50_000
"""Most ended runs that are kept; the oldest go first."""
PURGE_EVERY = timedelta(minutes=10)


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class EmbeddedDurable:
    """Implements Durable for one event loop. Activities run in an empty context: what they need is in their input."""

    def __init__(
        self, journal: Journal, lock: Ownership, *, activities_at_once: int, clock: Callable[[], datetime]
    ) -> None:
        self._journal = journal
        self._lock = lock
        self._clock = clock
        self._workflows: dict[str, Workflow] = {}
        self._activities: dict[str, Activity] = {}
        self._workshop = Workshop(journal, self._activities, asyncio.Semaphore(activities_at_once), clock)
        self._runs: dict[str, Run] = {}
        self._drivers: dict[str, asyncio.Task[None]] = {}
        self._stalled: dict[str, AgentRAGError] = {}
        self._watchers: dict[str, set[asyncio.Future[None]]] = {}
        self._pending: set[asyncio.Task[Any]] = set()
        self._resuming = asyncio.Lock()
        self._purged_at = datetime.min.replace(tzinfo=UTC)
        self._is_closed = False

    @classmethod
    async def open(
        cls, path: Path, *, activities_at_once: int = ACTIVITIES_AT_ONCE, clock: Callable[[], datetime] = utc_now
    ) -> EmbeddedDurable:
        """The engine of one journal file, made when it is not there.

        Raises: FolderInUseError when another process runs it; SettingsError when the file cannot be used.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"workflows cannot be journaled in {path} ({error.strerror}); point durable_url elsewhere"
            ) from error
        lock = own(path)
        try:
            journal = await Journal.open(path)
        except BaseException:
            lock.release()
            raise
        engine = cls(journal, lock, activities_at_once=activities_at_once, clock=clock)
        await engine._purge()
        return engine

    def register(self, workflows: Mapping[str, Workflow], activities: Mapping[str, Activity]) -> None:
        """See the contract; may be called again with other names.

        Raises: InternalError for a name that would mean two things.
        """
        for known, given in ((self._workflows, workflows), (self._activities, activities)):
            taken = [name for name in given if known.get(name, given[name]) is not given[name]]
            if taken:
                raise InternalError(
                    f"{', '.join(sorted(taken))} is registered already; give each function a name of its own"
                )
        self._workflows.update(workflows)
        self._activities.update(activities)

    async def resume(self) -> int:
        """See the contract. Runs of workflows that are not registered stay as they are."""
        self._check_open()
        async with self._resuming:
            resumed = 0
            for instance_id, workflow in await self._journal.running():
                if instance_id in self._runs:
                    continue
                if workflow not in self._workflows:
                    log.warning("workflow.unregistered", workflow=workflow, instance_id=instance_id)
                    continue
                resumed += await self._take_up(instance_id)
            return resumed

    async def start(self, workflow: str, instance_id: str, input: Json) -> None:
        """See the contract. Returns when the run is journaled; it goes on even when the caller is cancelled then.

        Raises: InternalError for a workflow that is not registered; TooLargeError, InvalidInputError for the input.
        """
        self._check_open()
        function = self._workflows.get(workflow)
        if function is None:
            known = ", ".join(sorted(self._workflows)) or "none"
            raise InternalError(f"no workflow {workflow!r} is registered, {known} are; register it first")
        text = encode(input, f"input of workflow {workflow!r}")
        if instance_id not in self._runs:
            await self._whole(self._begin(workflow, function, instance_id, text))

    async def wait(self, instance_id: str) -> WorkflowState:
        """See the contract. Raises StoreUnavailableError when the run cannot go on, or the engine closes meanwhile."""
        while True:
            self._check_open()
            watcher = asyncio.get_running_loop().create_future()
            watchers = self._watchers.setdefault(instance_id, set())
            watchers.add(watcher)
            try:
                state = await self.state(instance_id)
                if state is None:
                    raise NotFoundError(f"there is no run {instance_id!r}; it was never started, or ended long ago")
                if state.status != "running":
                    return state
                if instance_id in self._stalled:
                    raise self._stalled[instance_id]
                await watcher
            finally:
                watchers.discard(watcher)
                if not watchers and self._watchers.get(instance_id) is watchers:
                    del self._watchers[instance_id]

    async def state(self, instance_id: str) -> WorkflowState | None:
        """See the contract."""
        return await self._journal.state(instance_id)

    async def signal(self, instance_id: str, name: str, data: Json) -> None:
        """See the contract. Raises ConflictError when the run has ended; NotFoundError; TooLargeError."""
        text = encode(data, f"data of event {name!r}")
        await self._whole(self._signal(instance_id, name, text))

    async def cancel(self, instance_id: str) -> bool:
        """See the contract; returns when the activity in flight has ended. False for a run that is not there."""
        return await self._whole(self._cancel(instance_id))

    async def ping(self) -> None:
        """See the contract."""
        self._check_open()
        await self._journal.state("")

    async def close(self) -> None:
        """See the contract."""
        if self._is_closed:
            return
        self._is_closed = True
        await asyncio.gather(*self._pending, return_exceptions=True)
        drivers = list(self._drivers.values())
        for driver in drivers:
            driver.cancel()
        await asyncio.gather(*drivers, return_exceptions=True)
        for instance_id in list(self._watchers):
            self._announce(instance_id)
        await self._journal.close()
        self._lock.release()

    async def _begin(self, workflow: str, function: Workflow, instance_id: str, text: str) -> None:
        now = self._clock()
        execution = Execution(function, instance_id, text, now)
        execution.begin()
        opening = Opening(instance_id, workflow, text, now, list(execution.steps), execution.ended)
        if not await self._journal.begin(opening):
            execution.abandon()
            return
        if execution.ended is not None:
            self._tell_end(instance_id, execution.ended)
            return
        run = Run(instance_id, execution, self._workshop)
        self._drive(run, lambda: run.launch(opening.steps, {}))

    async def _take_up(self, instance_id: str) -> bool:
        """Go on with one run. False when it ended meanwhile."""
        history = await self._journal.take_up(instance_id)
        if history is None or instance_id in self._runs:
            return False
        execution = Execution(self._workflows[history.workflow], instance_id, history.input, history.started_at)
        try:
            replay(execution, history.steps, history.arrived)
        except NonDeterminismError as error:
            execution.abandon()
            execution.ended = Ended("failed", error=str(error), cause=error)
        if execution.ended is not None:
            await self._journal.end(instance_id, execution.ended, self._clock())
            self._tell_end(instance_id, execution.ended)
            return True
        run = Run(instance_id, execution, self._workshop)

        def launch() -> None:
            for event in history.inbox:
                run.offer(event)
            run.launch([step for step in history.steps if step.number in history.attempts], history.attempts)

        self._drive(run, launch)
        return True

    def _drive(self, run: Run, launch: Callable[[], None]) -> None:
        self._runs[run.instance_id] = run
        self._stalled.pop(run.instance_id, None)
        work = self._driven(run, launch)
        self._drivers[run.instance_id] = asyncio.get_running_loop().create_task(work, context=Context())

    async def _driven(self, run: Run, launch: Callable[[], None]) -> None:
        try:
            launch()
            ended = await run.drive()
            if ended is not None:
                self._tell_end(run.instance_id, ended)
        except StoreUnavailableError as error:
            log.exception("workflow.stalled", instance_id=run.instance_id)
            self._stalled[run.instance_id] = error
        except Exception:
            log.exception("workflow.stalled", instance_id=run.instance_id)
            self._stalled[run.instance_id] = InternalError(
                f"run {run.instance_id!r} cannot go on; the log has the reason, a restart tries again"
            )
        finally:
            self._runs.pop(run.instance_id, None)
            self._drivers.pop(run.instance_id, None)
            self._announce(run.instance_id)
        if self._clock() - self._purged_at > PURGE_EVERY:
            try:
                await self._purge()
            except StoreUnavailableError:
                log.exception("workflow.unpurged")

    async def _signal(self, instance_id: str, name: str, text: str) -> None:
        event = await self._journal.signal(instance_id, name, text)
        if event is None:
            if await self.state(instance_id) is None:
                raise NotFoundError(f"there is no run {instance_id!r} to give event {name!r} to")
            raise ConflictError(f"run {instance_id!r} has ended; event {name!r} comes too late")
        if instance_id in self._runs:
            self._runs[instance_id].offer(event)

    async def _cancel(self, instance_id: str) -> bool:
        ended = Ended("cancelled")
        if not await self._journal.end(instance_id, ended, self._clock()):
            return False
        driver = self._drivers.get(instance_id)
        if driver is not None:
            driver.cancel()
            await asyncio.wait({driver})
        self._tell_end(instance_id, ended)
        return True

    def _tell_end(self, instance_id: str, ended: Ended) -> None:
        fault = None if isinstance(ended.cause, AgentRAGError) else ended.cause
        log.info("workflow.ended", instance_id=instance_id, status=ended.status, exc_info=fault)
        self._announce(instance_id)

    def _announce(self, instance_id: str) -> None:
        for watcher in self._watchers.pop(instance_id, set()):
            if not watcher.done():
                watcher.set_result(None)

    async def _purge(self) -> None:
        """Forget runs that ended long ago."""
        now = self._clock()
        self._purged_at = now
        while purged := await self._journal.purge(now - KEPT, KEPT_RUNS):
            log.info("workflow.purged", runs=purged)

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it all even when the caller is cancelled: what is journaled must also happen."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return await asyncio.shield(task)

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailableError("the workflow engine was closed with its process; ask the one that runs now")
