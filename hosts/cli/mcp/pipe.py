"""The pipe to an MCP client: standard input and output, a message a line, and nothing else on it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

PIECE_BYTES = 65536
FLUSH_SECONDS = 1.0
"""How long the last lines may take to leave when the client does not read."""


class Pipe:
    """Lines in and out of two file descriptors, read and written beside the loop so that neither end stalls it."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._loop = asyncio.get_running_loop()
        self._incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._writer = Thread(target=self._write, daemon=True)

    @classmethod
    @contextmanager
    def standard(cls) -> Iterator[Pipe]:
        """The pipe over standard input and output; whatever else is printed goes to standard error meanwhile."""
        sys.stdout.flush()
        own = os.dup(1)
        os.dup2(2, 1)
        pipe = cls(0, own)
        pipe._writer.start()
        try:
            yield pipe
        finally:
            pipe._outgoing.put(None)
            pipe._writer.join(FLUSH_SECONDS)
            sys.stdout.flush()
            os.dup2(own, 1)

    async def lines(self) -> AsyncIterator[bytes]:
        """What the client says, until it closes its end or stops reading ours."""
        Thread(target=self._read, daemon=True).start()
        while (line := await self._incoming.get()) is not None:
            yield line

    def write(self, line: bytes) -> None:
        """Say something to the client."""
        self._outgoing.put(line + b"\n")

    def _read(self) -> None:
        held = bytearray()
        while piece := os.read(self._reading, PIECE_BYTES):
            first, *more = piece.split(b"\n")
            held += first
            for begun in more:
                self._give(bytes(held))
                held = bytearray(begun)
        self._give(bytes(held))
        self._give(None)

    def _write(self) -> None:
        try:
            while (line := self._outgoing.get()) is not None:
                rest = memoryview(line)
                while rest:
                    rest = rest[os.write(self._writing, rest) :]
        except OSError:
            self._give(None)  # the client reads no more, so it has gone

    def _give(self, line: bytes | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._incoming.put_nowait, line)
