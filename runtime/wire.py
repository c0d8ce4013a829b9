"""HTTP/1.1 between our own processes, and no more of it than that takes: one POST over a connection kept from before.

A general client spends on each request what an agent spends on answering it (proxies, redirects, cookies, hooks, pools
of many kinds), and the host makes one for every call that passes through. Framing is h11's. Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from urllib.parse import urlsplit

import h11

CONNECT_SECONDS = 10.0
"""Longest wait for a connection; a server that is down refuses at once, a busy one may take its time."""
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next request; less than the 5 seconds after which servers close theirs."""
IDLE_MOST = 100
"""Connections kept to one place."""
PIECE_BYTES = 64 * 1024


@cache
def tls() -> ssl.SSLContext:
    """The one TLS context of the process; making one takes 25 ms."""
    return ssl.create_default_context()


class Connection:
    """One connection, for one exchange at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._framing = h11.Connection(h11.CLIENT)
        self._idle_since = 0.0

    @classmethod
    async def open(cls, host: str, port: int, *, is_tls: bool) -> Connection:
        """A connection to a place. Raises OSError."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(host, port, ssl=tls() if is_tls else None)
        except TimeoutError:
            raise ConnectionError(f"no connection to {host}:{port} within {CONNECT_SECONDS:.0f} s") from None
        return cls(reader, writer)

    @property
    def is_usable(self) -> bool:
        """Whether the next exchange may use it: its end is still there, and it has not been idle for too long."""
        is_open = not self._reader.at_eof() and not self._writer.is_closing()
        return is_open and time.monotonic() - self._idle_since < IDLE_SECONDS

    async def send(self, target: str, headers: Mapping[str, str], body: bytes) -> None:
        """Send a POST, whole."""
        framing = self._framing
        request = h11.Request(method="POST", target=target, headers=list(headers.items()))
        sent = [framing.send(request), framing.send(h11.Data(data=body)), framing.send(h11.EndOfMessage())]
        self._writer.write(b"".join(filter(None, sent)))
        await self._writer.drain()

    async def event(self, silence_seconds: float) -> object:
        """The next thing the server says. Raises TimeoutError, OSError, or h11.RemoteProtocolError."""
        while (event := self._framing.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(silence_seconds):
                self._framing.receive_data(await self._reader.read(PIECE_BYTES))
        return event

    def rest(self) -> bool:
        """Get ready for the next exchange; False when this one has not come to its end or was the last."""
        if self._framing.our_state is not h11.DONE or self._framing.their_state is not h11.DONE:
            return False
        self._framing.start_next_cycle()
        self._idle_since = time.monotonic()
        return True

    def close(self) -> None:
        """Close it at once; the server sees that, and stops what it was doing for it."""
        self._writer.close()


class Response:
    """A server's answer: its status and headers, and its body as it comes."""

    def __init__(self, head: h11.Response, connection: Connection, silence_seconds: float) -> None:
        self.status: int = head.status_code
        self.kind: str = next((value.decode("latin-1") for name, value in head.headers if name == b"content-type"), "")
        self._connection = connection
        self._silence_seconds = silence_seconds

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces."""
        while isinstance(event := await self._connection.event(self._silence_seconds), h11.Data):
            yield bytes(event.data)

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([piece async for piece in self.pieces()])

    async def lines(self) -> AsyncIterator[bytes]:
        """The body in lines, without their ends."""
        left = b""
        async for piece in self.pieces():
            *whole, left = (left + piece).split(b"\n")
            for line in whole:
                yield line.rstrip(b"\r")
        if left:
            yield left


class Wire:
    """Connections to all places, kept between requests."""

    def __init__(self) -> None:
        self._idle: dict[tuple[str, int, bool], deque[Connection]] = {}

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, silence_seconds: float
    ) -> AsyncIterator[Response]:
        """The answer to a POST, while it comes; leaving before its end closes the connection.

        Raises: TimeoutError for a server that says nothing for too long, OSError, or h11.RemoteProtocolError.
        """
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        place = (parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls)
        idle = self._idle.setdefault(place, deque(maxlen=IDLE_MOST))
        connection = self._kept(idle) or await Connection.open(place[0], place[1], is_tls=is_tls)
        is_kept = False
        try:
            sent = {"Host": parts.netloc, **headers, "Content-Length": str(len(body))}
            await connection.send(parts.path or "/", sent, body)
            head = await connection.event(silence_seconds)
            while isinstance(head, h11.InformationalResponse):
                head = await connection.event(silence_seconds)
            if not isinstance(head, h11.Response):
                raise ConnectionError("the connection ended before an answer")
            yield Response(head, connection, silence_seconds)
            is_kept = len(idle) < IDLE_MOST and connection.rest()
        finally:
            if is_kept:
                idle.append(connection)
            else:
                connection.close()

    @staticmethod
    def _kept(idle: deque[Connection]) -> Connection | None:
        while idle:
            connection = idle.pop()
            if connection.is_usable:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """Close what is kept."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
