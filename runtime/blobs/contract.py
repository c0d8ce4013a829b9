"""The contract of the blob store: bytes by key, written whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """Bytes by key. Keys are made by us from ids (`tenant/doc_id/name`), never from what a user typed.

    Raises: NotFoundError for a key that is not there; StoreUnavailableError when the store does not answer.
    """

    async def put(self, key: str, data: bytes | Path | AsyncIterator[bytes]) -> int:
        """Write a blob (bytes, a local file, or a stream) whole or not at all; return its size in bytes."""

    async def get(self, key: str) -> bytes:
        """The whole blob."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """The blob in pieces."""

    async def size(self, key: str) -> int:
        """Bytes. Raises NotFoundError."""

    def local(self, key: str) -> AbstractAsyncContextManager[Path]:
        """A local file with the blob's bytes to read from, for as long as the context is open."""

    async def delete(self, prefix: str) -> int:
        """Remove every blob below `prefix`; return how many there were."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Release it."""
