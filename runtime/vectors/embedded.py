"""Vectors in a folder of this machine: a child process owns the folder, lives and dies with this one."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from runtime.errors import StoreUnavailableError
from runtime.vectors.place import embedded_socket
from runtime.vectors.remote import RemoteVectors
from runtime.vectors.wire import unpack_error

log = structlog.get_logger()

START_SECONDS = 60.0
"""Longest wait for the child to serve; it may first have to wait for a former owner to leave."""
STOP_SECONDS = 30.0
"""Longest wait for the child to make everything durable before it is killed."""


class EmbeddedVectors(RemoteVectors):
    """A `VectorStore` whose store is a child of this process, started again when it was killed.

    Acknowledged writes outlive a kill of the child, of this process, or of both.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(embedded_socket(folder))
        self._folder = folder
        self._child: Process | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(cls, folder: Path) -> EmbeddedVectors:
        """Own `folder`, made when missing. Raises FolderInUseError when another process does."""
        found = cls(folder)
        await found._ensure_child()
        await found.ping()
        return found

    @property
    def pid(self) -> int | None:
        """Process id of the store child; None when it does not run."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def close(self) -> None:
        """End the child; it makes everything durable first."""
        self._closed = True
        await super().close()
        async with self._starting:
            child, self._child = self._child, None
            if child is not None:
                await _stop(child)

    async def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Ask the child; when it has gone, start another one and ask that, for every request may be repeated."""
        try:
            return await super()._exchange(request, seconds)
        except StoreUnavailableError:
            if self._closed or not await self._has_ended():
                raise
        await self._ensure_child()
        return await super()._exchange(request, seconds)

    async def _has_ended(self) -> bool:
        """Whether the child is gone; a broken connection is often noticed before the end of the process."""
        child = self._child
        if child is None:
            return True
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await child.wait()
        return child.returncode is not None

    async def _ensure_child(self) -> None:
        async with self._starting:
            if self._closed:
                raise StoreUnavailableError(f"the vectors in {self._folder} are closed; open the backends anew")
            if self.pid is not None:
                return
            if self._child is not None:
                log.warning("store.restarted", exit_code=self._child.returncode)
            self._child = await self._start()

    async def _start(self) -> Process:
        """A new child that serves. Raises what it says is wrong."""
        command = (sys.executable, "-m", "runtime.vectors.process", str(self._folder), str(self._socket))
        child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, start_new_session=True)
        try:
            async with asyncio.timeout(START_SECONDS):
                said = json.loads(await _reader(child).readline() or b"{}")
        except BaseException as error:
            await _stop(child)
            if isinstance(error, TimeoutError):
                raise StoreUnavailableError(
                    f"the store of {self._folder} did not start within {START_SECONDS:g} s; see its messages above"
                ) from None
            raise
        if "ready" in said:
            return child
        code = await child.wait()
        if "error" in said:
            raise unpack_error(said["error"])
        raise StoreUnavailableError(f"the store of {self._folder} ended with code {code}; see its messages above")


def _reader(child: Process) -> asyncio.StreamReader:
    if child.stdout is None:
        raise StoreUnavailableError("the store child has no standard output to read from")
    return child.stdout


async def _stop(child: Process) -> None:
    """Let the child end by itself, or kill it when it does not."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await child.wait()
    except TimeoutError:
        log.warning("store.killed", pid=child.pid)
        child.kill()
        await child.wait()
