"""Live state in the memory of one process and one event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

from runtime.errors import ConflictError, InvalidInputError, StoreUnavailableError, StreamLostError
from runtime.live.contract import Entry
from runtime.live.expiring import Expiring
from runtime.live.ring import Ring

STREAM_ENTRIES = 4096
STREAM_BYTES = 4 * 1024 * 1024
"""What one stream holds at most; the oldest entries go first."""
STREAM_SECONDS = 600.0
"""How long a stream stays after it was closed, or after its last entry when nobody reads it."""
ALL_STREAMS_BYTES = 128 * 1024 * 1024
VALUES, VALUES_BYTES = 50_000, 64 * 1024 * 1024
CLAIMS = COUNTERS = 200_000
READ_AT_ONCE = 256
"""Entries that a reader takes at a time; that many it can be late without missing one."""


class Stream:
    """A ring with its readers, who sleep until it grows or ends."""

    def __init__(self, now: float, max_entries: int, max_bytes: int) -> None:
        self.ring = Ring(max_entries, max_bytes)
        self.touched = now
        self.is_closed = False
        self.is_dropped = False
        self.readers = 0
        self._sleepers: set[asyncio.Future[None]] = set()

    def wake(self) -> None:
        """Let all readers look again."""
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()

    async def change(self) -> None:
        """Return at the next wake."""
        sleeper = asyncio.get_running_loop().create_future()
        self._sleepers.add(sleeper)
        try:
            await sleeper
        finally:
            self._sleepers.discard(sleeper)

    def start(self, name: str, after: str | None) -> int:
        """The position at which a reader begins. Raises StreamLostError for an id that is not held."""
        if after is None:
            return self.ring.first
        position = self.ring.after(after)
        if position is None:
            raise StreamLostError(f"stream {name!r} does not hold what follows {after!r}; read it from the start")
        return position


class EmbeddedLive:
    """Implements Live for one event loop; nothing here waits for a reader.

    `clock` gives seconds that never go back.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        stream_entries: int = STREAM_ENTRIES,
        stream_bytes: int = STREAM_BYTES,
        all_streams_bytes: int = ALL_STREAMS_BYTES,
        value_bytes: int = VALUES_BYTES,
    ) -> None:
        self._clock = clock
        self._stream_entries = stream_entries
        self._stream_bytes = stream_bytes
        self._all_streams_bytes = all_streams_bytes
        self._streams: dict[str, Stream] = {}
        self._bytes_held = 0
        self._swept = clock()
        self._is_closed = False
        self._values: Expiring[bytes] = Expiring(clock, max_items=VALUES, max_bytes=value_bytes, size=len)
        self._claims: Expiring[bool] = Expiring(clock, max_items=CLAIMS)
        self._counters: Expiring[int] = Expiring(clock, max_items=COUNTERS)

    async def append(self, stream: str, data: str, *, attempt: int = 1) -> str:
        """See the contract. A higher attempt opens a closed stream again.

        Raises: ConflictError for an attempt that was replaced, and for the same attempt after the stream was closed.
        """
        self._check_open()
        if attempt < 1:
            raise InvalidInputError(f"attempt is {attempt}; attempts count from 1")
        self._sweep()
        held = self._open(stream)
        if held.is_closed and attempt <= held.ring.attempt:
            raise ConflictError(f"stream {stream!r} is closed to attempt {attempt}; begin a higher one")
        before = held.ring.bytes_held
        entry = held.ring.append(data, attempt)
        held.is_closed = False
        self._bytes_held += held.ring.bytes_held - before
        self._touch(stream, held)
        self._make_room(held)
        held.wake()
        return entry.id

    async def close_stream(self, stream: str) -> None:
        """See the contract; closing again, or what is not there, changes nothing."""
        self._sweep()
        held = self._streams.get(stream)
        if held is not None and not held.is_closed:
            held.is_closed = True
            self._touch(stream, held)
            held.wake()

    async def exists(self, stream: str) -> bool:
        """See the contract."""
        self._sweep()
        held = self._streams.get(stream)
        return held is not None and held.ring.end > 0

    async def holds(self, stream: str, entry_id: str) -> bool:
        """See the contract."""
        self._sweep()
        held = self._streams.get(stream)
        return held is not None and held.ring.after(entry_id) is not None

    async def read(self, stream: str, after: str | None = None, *, follow: bool = True) -> AsyncIterator[Entry]:
        """See the contract; a reader may come before the first entry and waits for it then.

        Raises: StreamLostError when `after` is not held, and for a reader that fell behind.
        """
        self._check_open()
        self._sweep()
        held = self._open(stream)
        held.readers += 1
        try:
            position = held.start(stream, after)
            while True:
                for entry in (entries := held.ring.since(position, READ_AT_ONCE)):
                    yield entry
                position += len(entries)
                if entries:
                    continue
                if held.is_closed or not follow:
                    return
                if held.is_dropped:
                    raise StreamLostError(f"stream {stream!r} gave way to newer ones; read it from the start")
                await held.change()
        finally:
            held.readers -= 1
            if held.readers == 0 and held.ring.end == 0 and self._streams.get(stream) is held:
                del self._streams[stream]

    async def put(self, key: str, value: bytes, *, ttl_seconds: float) -> None:
        """See the contract; the least recently used values go when there are too many."""
        self._values.put(key, value, ttl_seconds)

    async def get(self, key: str) -> bytes | None:
        """See the contract."""
        return self._values.get(key)

    async def forget(self, key: str) -> None:
        """Drop what is kept under this key: a value, a claim or a counter."""
        self._values.drop(key)
        self._claims.drop(key)
        self._counters.drop(key)

    async def claim(self, key: str, *, ttl_seconds: float) -> bool:
        """See the contract; `forget` gives a claim back."""
        if self._claims.get(key):
            return False
        self._claims.put(key, True, ttl_seconds)
        return True

    async def add(self, key: str, amount: int = 1, *, ttl_seconds: float) -> int:
        """See the contract."""
        count = self._counters.get(key)
        if count is None:
            self._counters.put(key, amount, ttl_seconds)
            return amount
        self._counters.update(key, count + amount)
        return count + amount

    async def ping(self) -> None:
        """See the contract."""
        self._check_open()

    async def close(self) -> None:
        """See the contract; readers end after what is held."""
        self._is_closed = True
        for held in self._streams.values():
            held.is_closed = True
            held.wake()
        self._streams.clear()

    def _check_open(self) -> None:
        if self._is_closed:
            raise StoreUnavailableError("live state was closed with its process; ask the one that runs now")

    def _open(self, name: str) -> Stream:
        held = self._streams.get(name)
        if held is None:
            held = Stream(self._clock(), self._stream_entries, self._stream_bytes)
            self._streams[name] = held
        return held

    def _touch(self, name: str, held: Stream) -> None:
        """Note that it changed now: streams stand in the order of their last change."""
        held.touched = self._clock()
        self._streams[name] = self._streams.pop(name)

    def _sweep(self) -> None:
        """Drop streams whose time is over, at most once a second; the longest untouched stand first."""
        now = self._clock()
        if now < self._swept + 1.0:
            return
        self._swept = now
        over: list[str] = []
        for name, held in self._streams.items():
            if held.touched > now - STREAM_SECONDS:
                break
            if held.is_closed or held.readers == 0:
                over.append(name)
        for name in over:
            self._drop(name)

    def _make_room(self, newest: Stream) -> None:
        """Drop streams until all fit: closed ones first, then those that changed longest ago, never the newest."""
        if self._bytes_held <= self._all_streams_bytes:
            return
        for name in sorted(self._streams, key=lambda name: not self._streams[name].is_closed):
            if self._bytes_held <= self._all_streams_bytes:
                return
            if self._streams[name] is not newest:
                self._drop(name)

    def _drop(self, name: str) -> None:
        held = self._streams.pop(name)
        self._bytes_held -= held.ring.bytes_held
        held.is_dropped = True
        held.wake()
