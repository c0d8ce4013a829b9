"""Frames between our own processes: a 4-byte length, then one msgpack value."""

from __future__ import annotations

import asyncio
import struct
from typing import IO, Any

import msgpack

from runtime.errors import StoreUnavailableError

FRAME_BYTES = 256 * 1024 * 1024
"""Largest frame; a longer one is a fault of the other side."""

_LENGTH = struct.Struct(">I")


def _checked(length: int) -> int:
    if length > FRAME_BYTES:
        raise StoreUnavailableError(f"a frame of {length} bytes came, the limit is {FRAME_BYTES}; the peer is broken")
    return length


def encode(value: Any) -> bytes:
    """One frame with `value`: None, numbers, text, bytes, lists and maps."""
    body: bytes = msgpack.packb(value, use_bin_type=True)
    return _LENGTH.pack(_checked(len(body))) + body


def _decode(body: bytes) -> Any:
    return msgpack.unpackb(body, raw=False, strict_map_key=False)


async def read(reader: asyncio.StreamReader) -> Any:
    """The next value. Raises asyncio.IncompleteReadError when the other side has gone."""
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    return _decode(await reader.readexactly(_checked(length)))


async def write(writer: asyncio.StreamWriter, value: Any) -> None:
    """Send a value and wait until the other side keeps up."""
    writer.write(encode(value))
    await writer.drain()


def read_blocking(stream: IO[bytes]) -> Any:
    """The next value. Raises EOFError when the other side has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError("the other side has gone")
    (length,) = _LENGTH.unpack(head)
    return _decode(stream.read(_checked(length)))


def write_blocking(stream: IO[bytes], value: Any) -> None:
    """Send a value."""
    stream.write(encode(value))
    stream.flush()
