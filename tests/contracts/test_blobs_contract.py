"""Blobs: whole or not there, by keys that stay inside the store, on every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from runtime.blobs.contract import Blobs
from runtime.blobs.object_store import ObjectBlobs
from runtime.errors import InvalidInputError, NotFoundError

ADAPTERS: dict[str, Callable[[Path], Blobs]] = {
    "folder": lambda folder: ObjectBlobs.folder(folder / "blobs"),
    "object-store": lambda _: ObjectBlobs(MemoryStore()),
}
LARGE = bytes(range(256)) * 4096 * 12
"""12 MiB: more than one part."""


@pytest.fixture(params=ADAPTERS)
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    """An empty store, one adapter after the other."""
    opened = ADAPTERS[request.param](tmp_path)
    yield opened
    await opened.close()


async def pieces(data: bytes, size: int = 700_001) -> AsyncIterator[bytes]:
    """`data` as an upload brings it."""
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


async def cut_off(data: bytes) -> AsyncIterator[bytes]:
    """An upload that breaks in the middle."""
    async for piece in pieces(data):
        yield piece
    raise ConnectionResetError("the client went away")


@pytest.mark.parametrize("data", [b"", b"small", LARGE], ids=["empty", "small", "large"])
async def test_bytes_files_and_streams_come_back_whole(blobs: Blobs, tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "upload"
    file.write_bytes(data)
    for number, given in enumerate((data, file, pieces(data))):
        key = f"acme/d{number}/original.pdf"
        assert await blobs.put(key, given) == len(data)
        assert await blobs.size(key) == len(data)
        assert await blobs.get(key) == data
        assert b"".join([piece async for piece in blobs.stream(key)]) == data


async def test_writing_again_replaces_the_blob(blobs: Blobs) -> None:
    await blobs.put("acme/d1/a", LARGE)
    await blobs.put("acme/d1/a", b"new")
    assert await blobs.get("acme/d1/a") == b"new"


async def test_an_upload_that_breaks_leaves_what_was_there(blobs: Blobs) -> None:
    await blobs.put("acme/d1/a", b"before")
    for key in ("acme/d1/a", "acme/d1/b"):
        with pytest.raises(ConnectionResetError):
            await blobs.put(key, cut_off(LARGE))
    assert await blobs.get("acme/d1/a") == b"before"
    with pytest.raises(NotFoundError):
        await blobs.size("acme/d1/b")


async def test_an_upload_that_is_cancelled_leaves_nothing(blobs: Blobs) -> None:
    halfway = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for piece in iter(lambda: b"x" * 1_000_000, b""):
            yield piece
            halfway.set()
            await asyncio.sleep(0.001)

    writing = asyncio.ensure_future(blobs.put("acme/d1/a", endless()))
    await asyncio.wait_for(halfway.wait(), 20)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    with pytest.raises(NotFoundError):
        await blobs.get("acme/d1/a")


async def test_of_writers_at_once_one_wins_whole(blobs: Blobs) -> None:
    texts = [bytes([number]) * 6_000_000 for number in range(4)]
    await asyncio.gather(*(blobs.put("acme/d1/a", pieces(text)) for text in texts))
    assert await blobs.get("acme/d1/a") in texts


async def test_what_is_not_there_is_not_found(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.put("acme/d1/a", b"x")
    for key in ("acme/d1/b", "acme/d1", "other/d1/a"):
        with pytest.raises(NotFoundError, match=key):
            await blobs.get(key)
        with pytest.raises(NotFoundError, match=key):
            await blobs.size(key)
        with pytest.raises(NotFoundError, match=key):
            await anext(aiter(blobs.stream(key)))
        with pytest.raises(NotFoundError, match=key):
            async with blobs.local(key):
                pass
    with pytest.raises(NotFoundError, match="missing"):
        await blobs.put("acme/d1/c", tmp_path / "missing")


async def test_a_blob_can_be_read_as_a_local_file(blobs: Blobs) -> None:
    await blobs.put("acme/d1/original.pdf", LARGE)
    async with blobs.local("acme/d1/original.pdf") as path:
        assert path.suffix == ".pdf"
        assert path.read_bytes() == LARGE
    assert await blobs.get("acme/d1/original.pdf") == LARGE


async def test_deleting_takes_what_lies_below_and_no_neighbour(blobs: Blobs) -> None:
    for key in ("acme/d1/a", "acme/d1/pages/1", "acme/d1/pages/2", "acme/d10/a", "globex/d1/a"):
        await blobs.put(key, b"x")
    assert await blobs.delete("acme/d1/") == 3
    assert await blobs.delete("acme/d1") == 0
    assert await blobs.get("acme/d10/a") == b"x"
    assert await blobs.delete("acme") == 1
    assert await blobs.get("globex/d1/a") == b"x"
    assert await blobs.delete("globex/d1/a") == 1
    with pytest.raises(NotFoundError):
        await blobs.get("globex/d1/a")


async def test_deleting_at_once_removes_all(blobs: Blobs) -> None:
    for number in range(30):
        await blobs.put(f"acme/d1/{number}", b"x")
    removed = await asyncio.gather(*(blobs.delete("acme/d1") for _ in range(4)))
    assert max(removed) <= 30
    assert await blobs.delete("acme/d1") == 0


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "a//b", "a/../b", "..", "a/.", ".hidden", "a/", "a b", "a\\b", "a\nb", "a\x00b"),
        *("ä", "a#1", "-rf", "%2e%2e/a", "x" * 201, "/".join(["abc"] * 200)),
    ],
)
async def test_a_key_that_could_lead_elsewhere_is_refused(blobs: Blobs, key: str) -> None:
    for act in (blobs.put(key, b"x"), blobs.get(key), blobs.size(key)):
        with pytest.raises(InvalidInputError, match="blob key"):
            await act
    with pytest.raises(InvalidInputError, match="blob key"):
        await anext(aiter(blobs.stream(key)))
    with pytest.raises(InvalidInputError, match="blob key"):
        async with blobs.local(key):
            pass
    if key != "a/":
        with pytest.raises(InvalidInputError, match="blob key"):
            await blobs.delete(key)


async def test_a_store_answers_a_ping(blobs: Blobs) -> None:
    await blobs.ping()
