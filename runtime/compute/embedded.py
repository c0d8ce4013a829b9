"""Compute on this machine: functions in threads, untrusted work in child processes with limits."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

import structlog

from runtime import frames
from runtime.compute import worker
from runtime.compute.contract import Frame, Limits
from runtime.errors import AgentRAGError, ChildError, LostChildError, from_problem
from schemas.problem import Problem

log = structlog.get_logger()

T = TypeVar("T")

SPARE_THREADS = 2
"""Threads beyond one a core, for functions that wait for a lock or a disk."""
PIPE_BYTES = 1024 * 1024
"""Replies that are held for a reader who is slower than the child."""
LAST_WORDS = 4096
"""Bytes of a child's stderr that are kept for when it dies."""
INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_CACHE_HOME")
"""Environment that a child sees, besides where modules are found: nothing that is secret."""
_MEMORY_WORDS = (b"MemoryError", b"bad_alloc", b"memory allocation of", b"Cannot allocate memory", b"out of memory")


def environment(parent: Mapping[str, str], path: list[str]) -> dict[str, str]:
    """What a child sees of its parent's environment; it finds modules where the parent does."""
    kept = {name: parent[name] for name in INHERITED if name in parent}
    folders = os.pathsep.join(os.path.abspath(folder) for folder in path)
    return kept | {"PYTHONPATH": folders, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def death(module: str, code: int, limits: Limits, last_words: bytes) -> ChildError:
    """Word why a child that left with `code` (negative: the signal) did not answer."""
    if code == -signal.SIGXCPU:
        return _over(module, f"{limits.cpu_seconds} s of processor time")
    if any(words in last_words for words in _MEMORY_WORDS):
        return _over(module, f"{limits.memory_mb} MB of memory")
    if code in (-signal.SIGKILL, -signal.SIGTERM):
        return LostChildError(f"{module} was ended from outside by {signal.Signals(-code).name}; try again")
    if code in (-signal.SIGABRT, -signal.SIGTRAP, -signal.SIGILL):
        return ChildError(
            f"{module} gave up ({signal.Signals(-code).name}), most likely for want of memory: its limit is "
            f"{limits.memory_mb} MB; give it less to do or raise the limit"
        )
    how = f"crashed with {signal.Signals(-code).name}" if code < 0 else f"left with exit code {code}"
    return ChildError(f"{module} {how} on this input, within {limits.memory_mb} MB and {limits.cpu_seconds} s")


def _over(module: str, limit: str) -> ChildError:
    return ChildError(f"{module} needed more than its limit of {limit}; give it less to do or raise the limit")


class EmbeddedChild:
    """A `Child` on this machine; it ends with the event loop's thread that started it, however that ends."""

    def __init__(self, module: str, limits: Limits) -> None:
        self._module = module
        self._limits = limits
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._last_words = b""
        self.is_closed = False

    @property
    def pid(self) -> int | None:
        """Process id while the child runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def ask(self, request: Frame) -> AsyncIterator[Frame]:
        """Send a request and yield its replies; requests that come meanwhile wait for their turn.

        `wall_seconds` counts the time that the child takes, not the time that the reader of the replies takes.
        Raises: the AgentRAGError that the handler raised, or ChildError.
        """
        async with self._turn:
            done = False
            try:
                process = await self._alive()
                left = await self._send(process, request)
                while not done:
                    (kind, body), left = await self._receive(process, left)
                    done = kind not in (worker.REPLY, worker.OUT_OF_MEMORY)
                    if kind == worker.REPLY:
                        yield body
                    elif kind != worker.DONE:
                        raise self._fault(kind, body)
            finally:
                if not done:
                    await self._end()

    async def close(self) -> None:
        """End the process; a request under way fails. It does not start again."""
        self.is_closed = True
        await self._end()

    async def _alive(self) -> asyncio.subprocess.Process:
        if self.is_closed:
            raise ChildError(f"{self._module} is closed; open the backends anew")
        if self._process is None or self._process.returncode is not None:
            await self._end()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-P", "-m", self._module, *worker.arguments(self._limits)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=environment(os.environ, sys.path),
                limit=PIPE_BYTES,
            )
            self._last_words = b""
            self._listener = asyncio.create_task(self._listen(self._process))
        return self._process

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101  (a pipe was asked for)
        while heard := await process.stderr.read(LAST_WORDS):
            self._last_words = (self._last_words + heard)[-LAST_WORDS:]

    async def _send(self, process: asyncio.subprocess.Process, request: Frame) -> float:
        """Hand over the request; return the seconds left of its wall limit."""
        assert process.stdin is not None  # noqa: S101
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                await frames.write(process.stdin, dict(request))
        except ConnectionError as error:
            raise await self._died(process) from error
        except TimeoutError as error:
            raise _over(self._module, f"{self._limits.wall_seconds:g} s for one request") from error
        return self._limits.wall_seconds - (time.monotonic() - started)

    async def _receive(self, process: asyncio.subprocess.Process, left: float) -> tuple[tuple[str, Any], float]:
        """The next frame as (kind, body), and the seconds left after it."""
        assert process.stdout is not None  # noqa: S101
        started = time.monotonic()
        try:
            async with asyncio.timeout(left):
                kind, body = await frames.read(process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise await self._died(process) from error
        except TimeoutError as error:
            raise _over(self._module, f"{self._limits.wall_seconds:g} s for one request") from error
        return (kind, body), left - (time.monotonic() - started)

    async def _died(self, process: asyncio.subprocess.Process) -> ChildError:
        code = await process.wait()
        if self._listener is not None:
            await self._listener
        log.warning("child.died", module=self._module, code=code, last_words_bytes=len(self._last_words))
        return death(self._module, code, self._limits, self._last_words)

    def _fault(self, kind: str, body: Any) -> AgentRAGError:
        if kind == worker.PROBLEM:
            return from_problem(Problem.model_validate(body))
        if kind == worker.OUT_OF_MEMORY:
            return _over(self._module, f"{self._limits.memory_mb} MB of memory")
        log.error("child.raised", module=self._module, type=body["type"], where=body["where"])
        return ChildError(f"{self._module} raised {body['type']}: {body['detail']}")

    async def _end(self) -> None:
        process, self._process = self._process, None
        listener, self._listener = self._listener, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        try:
            await process.wait()
        finally:
            if listener is not None:
                listener.cancel()


class EmbeddedCompute:
    """`Compute` on this machine's cores."""

    def __init__(self, threads: int | None = None) -> None:
        count = threads or (os.cpu_count() or 1) + SPARE_THREADS
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="compute")
        self._children: list[EmbeddedChild] = []

    async def run(self, work: Callable[..., T], *args: Any) -> T:
        """Call a function in a thread, with the context variables of the caller."""
        call = partial(contextvars.copy_context().run, work, *args)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def child(self, module: str, limits: Limits) -> EmbeddedChild:
        """A child process for `module`; nothing is started before its first request."""
        child = EmbeddedChild(module, limits)
        self._children = [*(other for other in self._children if not other.is_closed), child]
        return child

    async def ping(self) -> None:
        """Return when a thread is free."""
        await self.run(int)

    async def close(self) -> None:
        """End all children, then wait for running functions; those that have not begun are dropped."""
        children, self._children = self._children, []
        await asyncio.gather(*(child.close() for child in children))
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
