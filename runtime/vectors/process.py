"""The store process: it alone owns a folder of indexes and serves them over a Unix socket, one short slice at a time.

Started as `python -m runtime.vectors.process <folder> <socket>` by a process that it ends with, however that one ends:
its standard input closes then. `serve_store` does the same for `agentrag serve store`, until it is cancelled.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket as sockets
import sys
import time
from asyncio.subprocess import DEVNULL
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from runtime import frames, turns
from runtime.errors import AgentRAGError, InvalidInputError, StoreUnavailableError
from runtime.vectors.contract import Place
from runtime.vectors.lock import FolderLock
from runtime.vectors.place import bind, short
from runtime.vectors.shard import Shard, Slices
from runtime.vectors.tenants import Meta, Tenants
from runtime.vectors.wire import (
    PROTOCOL,
    Sought,
    pack_error,
    pack_matches,
    pack_places,
    unpack_entry,
    unpack_probe,
)

QUIET_SECONDS = 60.0
"""Seconds without a request after which logs are emptied and removed units' room is given back."""

PARENT_CHECK_SECONDS = 1.0
"""How often the child looks whether its parent is still there, should standard input be held open by somebody else."""

Request = dict[str, Any]
T = TypeVar("T")


def _log() -> Any:
    """The log; loaded when there is something to say, for the child should be there quickly."""
    import structlog

    return structlog.get_logger()


class Store:
    """Answers requests. Writes of one tenant wait for each other; between their slices everybody else is served."""

    def __init__(self, folder: Path) -> None:
        self._writing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tenants = Tenants(folder, self._is_busy)
        self._connections: set[asyncio.Task[None]] = set()
        self._began = os.urandom(4).hex()
        self._changes: Counter[str] = Counter()
        self._reading: Counter[str] = Counter()
        self._last_request = time.monotonic()
        self._actions: dict[str, Callable[[Request], Awaitable[Any]]] = {
            "ping": self._ping,
            "ensure": self._ensure,
            "upsert": self._upsert,
            "seal": self._seal,
            "search": self._search,
            "fetch": self._fetch,
            "pages": self._pages,
            "state": self._state,
            "vectors": self._vectors,
            "delete": self._delete,
            "drop": self._drop,
        }

    def _is_busy(self, tenant: str) -> bool:
        return self._reading[tenant] > 0 or (tenant in self._writing and self._writing[tenant].locked())

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a new connection from now on."""
        task = asyncio.create_task(self._converse(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until the other side closes it."""
        try:
            while True:
                await frames.write(writer, await self.answer(await frames.read(reader)))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except StoreUnavailableError as error:
            _log().warning("store.connection_refused", reason=str(error))
        finally:
            writer.close()

    async def answer(self, request: Request) -> dict[str, Any]:
        """The answer to one request: `ok` with a value, or `error` with a problem."""
        self._last_request = time.monotonic()
        try:
            action = self._actions.get(request["do"])
            if action is None:
                raise InvalidInputError(f"the store does not know {request['do']!r}; use one version on both sides")
            return {"ok": await action(request)}
        except AgentRAGError as error:
            _log().info("store.refused", code=error.code)
            return {"error": pack_error(error)}
        except Exception as error:  # every fault becomes an answer, or the client would wait in vain
            _log().exception("store.failed")
            return {"error": pack_error(error)}

    async def _write(
        self, tenant: str, find: Callable[[str], Shard | None], work: Callable[[Shard], Slices[T]], nothing: T
    ) -> T:
        """Do the work slice by slice; `nothing` when there is no shard to do it in."""
        async with self._writing[tenant]:
            shard = find(tenant)
            if shard is None:
                return nothing
            slices = work(shard)
            while True:
                self._changes[tenant] += 1
                try:
                    meanwhile = next(slices)
                except StopIteration as end:
                    value: T = end.value
                    return value
                await (asyncio.to_thread(meanwhile) if meanwhile else asyncio.sleep(0))

    async def _ping(self, request: Request) -> dict[str, int]:
        return {"protocol": PROTOCOL, "pid": os.getpid()}

    async def _ensure(self, request: Request) -> None:
        wanted = Meta(request["tenant"], request["fingerprint"], request["dimension"], request["terms"])
        async with self._writing[wanted.tenant]:
            self._tenants.ensure(wanted)

    async def _upsert(self, request: Request) -> int:
        entries = [unpack_entry(packed) for packed in request["units"]]
        await self._begin(request["tenant"])
        return await self._write(request["tenant"], self._tenants.make, lambda shard: shard.upsert(entries), 0)

    async def _begin(self, tenant: str) -> None:
        """Have a tenant's first shard made by a process apart, for the library locks the interpreter while it does."""
        async with self._writing[tenant]:
            if (missing := self._tenants.missing(tenant)) is not None:
                folder, dimension = map(str, missing)
                command = (sys.executable, "-m", "runtime.vectors.shard", folder, dimension)
                child = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL)
                await child.wait()  # had it no luck, the shard is made here, which says why

    async def _seal(self, request: Request) -> list[int]:
        versions = [(document, version) for document, version in request["versions"]]
        nothing = [0] * len(versions)
        return await self._write(request["tenant"], self._tenants.find, lambda shard: shard.seal(versions), nothing)

    async def _delete(self, request: Request) -> int:
        which = request["document"], request["version"]
        return await self._write(request["tenant"], self._tenants.find, lambda shard: shard.delete(*which), 0)

    async def _search(self, request: Request) -> dict[str, Any]:
        probes = [unpack_probe(packed) for packed in request["probes"]]
        shard = self._tenants.find(request["tenant"])
        return pack_matches([[] for _ in probes] if shard is None else shard.search(probes))

    async def _fetch(self, request: Request) -> dict[str, Any]:
        shard = self._tenants.find(request["tenant"])
        return pack_matches([[] if shard is None else shard.fetch(request["places"])])

    async def _pages(self, request: Request) -> list[dict[str, list[int]]]:
        """Slice by slice, for a word may stand on any number of pages."""
        tenant = request["tenant"]
        self._reading[tenant] += 1
        try:
            return [await self._pages_of(tenant, unpack_probe(packed)) for packed in request["probes"]]
        finally:
            self._reading[tenant] -= 1

    async def _pages_of(self, tenant: str, sought: Sought) -> dict[str, list[int]]:
        found: set[Place] = set()
        shard = self._tenants.find(tenant)
        for places in () if shard is None else shard.pages(sought):
            found.update(places)
            await asyncio.sleep(0)
            if self._tenants.find(tenant) is not shard:  # dropped meanwhile
                return {}
        return pack_places(found)

    async def _state(self, request: Request) -> str:
        return f"{self._began}-{self._changes[request['tenant']]}"

    async def _vectors(self, request: Request) -> list[tuple[bytes, bytes]]:
        shard = self._tenants.find(request["tenant"])
        if shard is None:
            return []
        return shard.vectors(request["places"])

    async def _drop(self, request: Request) -> None:
        async with self._writing[request["tenant"]]:
            self._changes[request["tenant"]] += 1
            self._tenants.drop(request["tenant"])

    async def tidy_when_quiet(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Tidy up whenever nobody has asked for anything for a while; never returns."""
        while True:
            await asyncio.sleep(quiet_seconds)
            for shard in self._tenants.untidy():
                if time.monotonic() - self._last_request < quiet_seconds:
                    break
                shard.tidy()
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Cut all connections, make everything durable and let go."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._tenants.close()


async def _serve(folder: Path, listening: sockets.socket, lock: FolderLock, ready: Callable[[], None]) -> None:
    store = Store(folder)
    server = await asyncio.start_unix_server(store.connected, sock=listening)
    tidying = asyncio.create_task(store.tidy_when_quiet())
    try:
        turns.settle()
        ready()
        await server.serve_forever()
    finally:
        lock.note(leaving=True)
        tidying.cancel()
        server.close()
        await store.close()


async def serve_store(folder: Path, socket: Path, ready: Callable[[], None] = lambda: None) -> None:
    """Own `folder` and serve it at `socket` until cancelled; `ready` is called once clients can connect.

    Raises: FolderInUseError when another process owns the folder; SettingsError when the socket cannot be made there.
    """
    lock = await asyncio.to_thread(FolderLock.take, folder)
    try:
        place = short(socket)
        listening = bind(place)
        try:
            await _serve(folder, listening, lock, ready)
        finally:
            place.unlink(missing_ok=True)
    finally:
        lock.release()


async def _parent_gone(parent: int) -> None:
    """Return when the process that started this one has ended."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while os.getppid() == parent:
        with suppress(TimeoutError):
            async with asyncio.timeout(PARENT_CHECK_SECONDS):
                await reader.read()
                return


async def run_child(folder: Path, socket: Path, say: Callable[[dict[str, Any]], None]) -> int:
    """Serve until the parent ends, and `say` to it once whether that works. Returns the exit code."""
    parent = os.getppid()
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(serve_store(folder, socket, ready=lambda: say({"ready": os.getpid()})))
    loop.add_signal_handler(signal.SIGTERM, serving.cancel)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is for the parent, which closes this one
    watching = asyncio.create_task(_parent_gone(parent))
    await asyncio.wait((serving, watching), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    watching.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        return 0
    except Exception as error:  # whatever it is, the parent must hear of it
        _log().error("store.ended", error=type(error).__name__, reason=str(error))
        say({"error": pack_error(error)})
        return 1
    return 0


def main(folder: str, socket: str) -> int:
    """Run the store child. What it prints goes to standard error, for the parent reads standard output."""
    to_parent = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(line: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the parent is gone already
            os.write(to_parent, json.dumps(line).encode() + b"\n")

    return asyncio.run(run_child(Path(folder), Path(socket), say))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
