"""Blobs in an object store, of which a folder is the simplest."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from runtime.blobs.keys import checked_key, checked_prefix
from runtime.errors import NotFoundError, SettingsError, StoreUnavailableError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

PART_BYTES = 5 * 1024 * 1024
"""Size of the parts in which large blobs are written; object stores take no smaller ones."""
PARTS_AT_ONCE = 3
"""Parts held in memory while one blob is written."""
PIECE_BYTES = 256 * 1024
"""Size of the pieces in which a blob is read."""
DELETED_AT_ONCE = 1000

_UNDER_WAY = re.compile(r".*#\d+")
"""Names of files that are still being written, or were when their writer was killed; no key looks like this."""


class ObjectBlobs:
    """Implements Blobs. Raises InvalidInputError for a key that is not one of ours.

    `root` is the folder of a store that keeps each blob in a file of the blob's name.
    """

    def __init__(self, store: ObjectStore, root: Path | None = None) -> None:
        self._store = store
        self._root = root

    @classmethod
    def folder(cls, path: Path) -> ObjectBlobs:
        """Blobs as files in a folder of the owner's, made when it is not there.

        Raises: SettingsError when it cannot be made.
        """
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"blobs cannot be kept in {path} ({error.strerror}); point blobs_url at a folder that can be written"
            ) from error
        return cls(LocalStore(path, automatic_cleanup=True), path)

    async def put(self, key: str, data: bytes | Path | AsyncIterator[bytes]) -> int:
        """See the contract. What a stream raises comes out here, and nothing is written then.

        Raises: NotFoundError when the local file is not there.
        """
        checked_key(key)
        source, size = data, _Size()
        if isinstance(data, bytes):
            size.total = len(data)
        elif isinstance(data, Path):
            size.total = await asyncio.to_thread(_file_bytes, data)
        else:
            source = size.counted(data)
        with _worded():
            await obstore.put_async(self._store, key, source, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        return size.total

    async def get(self, key: str) -> bytes:
        """See the contract."""
        with _worded(checked_key(key)):
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """See the contract."""
        with _worded(checked_key(key)):
            found = await obstore.get_async(self._store, key)
            pieces = aiter(found.stream(min_chunk_size=PIECE_BYTES))
        while True:
            with _worded(key):
                piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def size(self, key: str) -> int:
        """See the contract."""
        with _worded(checked_key(key)):
            return int((await obstore.head_async(self._store, key))["size"])

    @asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """See the contract; a folder gives its own file, which must not be changed."""
        checked_key(key)
        if self._root is not None:
            await self.size(key)
            yield self._root / key
            return
        with tempfile.TemporaryDirectory(prefix="agentrag-blob-") as folder:
            copy = Path(folder) / key.rpartition("/")[2]
            with await asyncio.to_thread(copy.open, "wb") as file:
                async for piece in self.stream(key):
                    await asyncio.to_thread(file.write, piece)
            yield copy

    async def delete(self, prefix: str) -> int:
        """See the contract; `prefix` is a key or the first parts of keys, never a part of a name."""
        prefix = checked_prefix(prefix)
        with _worded():
            keys = [meta["path"] async for batch in obstore.list(self._store, prefix) for meta in batch]
        deleted = await self._delete_one(prefix)
        for start in range(0, len(keys), DELETED_AT_ONCE):
            await self._delete_all(keys[start : start + DELETED_AT_ONCE])
        if self._root is not None:
            await asyncio.to_thread(_sweep, self._root, self._root / prefix)
        return deleted + len(keys)

    async def _delete_one(self, key: str) -> int:
        """Remove the blob of exactly this key, if there is one; return how many there were."""
        try:
            await self.size(key)
        except NotFoundError:
            return 0
        await self._delete_all([key])
        return 1

    async def _delete_all(self, keys: list[str]) -> None:
        """Remove blobs; one that somebody else removed meanwhile is as good as removed."""
        with _worded():
            try:
                await obstore.delete_async(self._store, keys)
            except FileNotFoundError:
                for key in keys:
                    with suppress(FileNotFoundError):
                        await obstore.delete_async(self._store, key)

    async def ping(self) -> None:
        """See the contract."""
        if self._root is not None:
            if not await asyncio.to_thread(self._root.is_dir):
                raise StoreUnavailableError(f"the folder of blobs {self._root} has gone; put it back or restart")
            return
        with _worded():
            await obstore.list_with_delimiter_async(self._store)

    async def close(self) -> None:
        """See the contract; nothing is held open between calls."""


class _Size:
    """Bytes of a blob."""

    total = 0

    async def counted(self, data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same stream, counted as it passes."""
        async for piece in data:
            self.total += len(piece)
            yield piece


def _file_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no local file {path} to make a blob of") from error


@contextmanager
def _worded(key: str | None = None) -> Iterator[None]:
    """Turn the store's errors into ours; a missing file means a missing blob only where `key` is read."""
    try:
        yield
    except FileNotFoundError as error:
        if key is None:
            raise
        raise NotFoundError(f"there is no blob {key!r}") from error
    except BaseError as error:
        reason = str(error).partition("\n")[0]
        raise StoreUnavailableError(
            f"the blob store does not answer ({reason}); try again, and look at its disk, rights and address"
        ) from error


def _sweep(root: Path, place: Path) -> None:
    """Remove what killed writers left below `place` or beside it, then the empty folders up to `root`."""
    if place.parent.is_dir():
        for left in (*place.parent.glob(f"{place.name}#*"), *place.rglob("*")):
            if _UNDER_WAY.fullmatch(left.name) and left.is_file():
                left.unlink(missing_ok=True)
    below = sorted((each for each in place.rglob("*") if each.is_dir()), reverse=True)
    for folder in (*below, place, *(parent for parent in place.parents if root in parent.parents)):
        with suppress(OSError):  # not empty, or gone already: both are as they should be
            folder.rmdir()
