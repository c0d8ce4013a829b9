"""One POST over a kept connection: what is kept, what is not, and every way in which an answer may come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11
import pytest

from runtime import wire
from runtime.wire import Response, Wire


@dataclass
class Server:
    """Gives the same bytes to every request; knows its connections and what it was sent."""

    answer: bytes
    connections: int = 0
    requests: list[bytes] | None = None
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection for as long as requests come."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.partition(b":")[2]))
                self.requests = [*(self.requests or []), head + body]
                writer.write(self.answer)
                await writer.drain()
                if b"onnection: close" in self.answer:
                    break
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        """Serve on a free port."""
        server = await asyncio.start_server(self.handle, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
        try:
            yield self
        finally:
            server.close()


def ok(body: bytes, *headers: bytes) -> bytes:
    given = b"".join(header + b"\r\n" for header in (b"content-type: text/plain", *headers))
    return b"HTTP/1.1 200 OK\r\n" + given + b"content-length: %d\r\n\r\n" % len(body) + body


async def posted(wire: Wire, url: str, body: bytes = b"{}", seconds: float = 20) -> tuple[Response, bytes]:
    async with wire.post(url, {"Accept": "text/plain"}, body, silence_seconds=seconds) as response:
        return response, await response.read()


async def test_a_request_goes_out_whole_and_its_connection_is_used_again() -> None:
    async with Server(ok(b"hello")).running() as server:
        kept = Wire()
        for _ in range(3):
            response, body = await posted(kept, server.url, b'{"a":1}')
            assert (response.status, response.kind, body) == (200, "text/plain", b"hello")
        kept.close()
    assert server.connections == 1
    assert server.requests is not None
    assert server.requests[0].startswith(b"POST /mcp HTTP/1.1\r\n")
    assert server.requests[0].endswith(b'\r\n\r\n{"a":1}')
    assert f"Host: {server.url.split('/')[2]}".encode() in server.requests[0]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n" + ok(b"late"), b"late"),
        (ok(b"x" * 300_000), b"x" * 300_000),
        (ok(b""), b""),
    ],
)
async def test_every_framing_of_an_answer_is_read_and_leaves_the_connection_usable(answer: bytes, body: bytes) -> None:
    async with Server(answer).running() as server:
        kept = Wire()
        for _ in range(2):
            assert (await posted(kept, server.url))[1] == body
        kept.close()
    assert server.connections == 1


async def test_lines_come_whole_however_they_are_cut() -> None:
    pieces = b"6\r\none\r\nt\r\n5\r\nwo\n\nt\r\n4\r\nhree\r\n0\r\n\r\n"
    async with Server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + pieces).running() as server:
        kept = Wire()
        async with kept.post(server.url, {}, b"", silence_seconds=20) as response:
            assert [line async for line in response.lines()] == [b"one", b"two", b"", b"three"]
        kept.close()


async def test_a_connection_is_not_used_again_when_it_was_left_early_closed_or_idle_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Wire()
    async with Server(ok(b"x" * 300_000)).running() as server:
        async with kept.post(server.url, {}, b"", silence_seconds=20) as response:
            await anext(response.pieces())
        await posted(kept, server.url)
        assert server.connections == 2
        monkeypatch.setattr(wire, "IDLE_SECONDS", 0.0)
        await posted(kept, server.url)
        assert server.connections == 3
    async with Server(ok(b"x", b"Connection: close")).running() as server:
        for _ in range(2):
            await posted(kept, server.url)
        assert server.connections == 2
    kept.close()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"Connection: close", h11.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length: 9\r\n\r\nabc", h11.RemoteProtocolError),
        (b"SSH-2.0-nothing of the kind\r\n\r\n", h11.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", TimeoutError),
    ],
)
async def test_what_is_no_answer_is_an_error(answer: bytes, fault: type[Exception]) -> None:
    async with Server(answer).running() as server:
        kept = Wire()
        with pytest.raises(fault):
            await posted(kept, server.url, seconds=0.3)
        kept.close()


async def test_a_place_without_a_server_and_one_without_tls_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "CONNECT_SECONDS", 1.0)
    kept = Wire()
    with pytest.raises(OSError, match="Connect"):
        await posted(kept, "http://127.0.0.1:9/mcp")
    async with Server(ok(b"plain")).running() as server:
        with pytest.raises(OSError, match="no connection to"):
            await posted(kept, server.url.replace("http:", "https:"))
    kept.close()
