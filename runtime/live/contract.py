"""The contract of live state: replayable streams, values with a time to live, counters and one-time claims."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Entry:
    """One event of a stream; `id` is `attempt.seq`, both from 1, and orders the stream."""

    id: str
    data: str


class Live(Protocol):
    """Streams are bounded rings with a time to live; a reader that fell behind gets StreamLostError."""

    async def append(self, stream: str, data: str, *, attempt: int = 1) -> str:
        """Add an event and return its id."""

    async def close_stream(self, stream: str) -> None:
        """Say that nothing more will come; readers end after the last entry."""

    async def exists(self, stream: str) -> bool:
        """Whether the stream is still here."""

    async def holds(self, stream: str, entry_id: str) -> bool:
        """Whether a reader can go on after this id without having missed anything."""

    def read(self, stream: str, after: str | None = None, *, follow: bool = True) -> AsyncIterator[Entry]:
        """Entries after `after` (None: all that is held), then new ones as they come, until the stream is closed.

        Raises: StreamLostError when `after` is not held, and for a reader that fell behind.
        """

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """Keep a value for a while."""

    async def get(self, key: str) -> bytes | None:
        """The value, if it is still there."""

    async def forget(self, key: str) -> None:
        """Drop a value."""

    async def claim(self, key: str, *, ttl_seconds: float) -> bool:
        """True for the first to claim this key within its time."""

    async def add(self, key: str, amount: int = 1, *, ttl_seconds: float) -> int:
        """Add to a counter that starts at 0 and expires `ttl_seconds` after its first use; return its value."""

    async def ping(self) -> None:
        """Return when it answers."""

    async def close(self) -> None:
        """Release it."""
