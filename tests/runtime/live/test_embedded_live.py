"""Live state in memory stays within its bounds of entries, bytes and time, and tells readers what they missed."""

from __future__ import annotations

import asyncio

import pytest

from runtime.errors import StoreUnavailableError, StreamLostError
from runtime.live.embedded import STREAM_SECONDS, EmbeddedLive
from runtime.live.expiring import Expiring
from runtime.live.ring import ATTEMPTS, Ring

SECONDS = 20.0


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


async def read_all(live: EmbeddedLive, stream: str, after: str | None = None) -> list[str]:
    """What can be read without waiting."""
    return [entry.data async for entry in live.read(stream, after, follow=False)]


def test_a_ring_holds_the_newest_entries() -> None:
    ring = Ring(max_entries=3, max_bytes=10**6)
    for number in range(5):
        ring.append(str(number), 1)
    assert [entry.id for entry in ring.since(ring.first, 10)] == ["1.3", "1.4", "1.5"]
    assert [ring.after(f"1.{seq}") for seq in range(1, 7)] == [None, 2, 3, 4, 5, None]
    with pytest.raises(StreamLostError, match="2 events"):
        ring.since(0, 10)


def test_a_ring_holds_no_more_bytes_than_it_may_but_always_the_newest() -> None:
    ring = Ring(max_entries=100, max_bytes=3000)
    for _ in range(20):
        ring.append("x" * 500, 1)
        assert ring.bytes_held <= 3000
    ring.append("y" * 9000, 1)
    assert [entry.id for entry in ring.since(ring.first, 10)] == ["1.21"]
    ring.append("z", 1)
    assert ring.bytes_held < 3000


def test_a_ring_forgets_the_ids_of_long_gone_attempts() -> None:
    ring = Ring(max_entries=10**6, max_bytes=10**6)
    for attempt in range(1, ATTEMPTS + 10):
        ring.append("x", attempt)
    assert ring.after("1.1") is None
    assert ring.after(f"{ATTEMPTS}.1") == ATTEMPTS


async def test_a_reader_that_fell_behind_is_told(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock, stream_entries=10)
    await live.append("s", "0")
    reading = aiter(live.read("s"))
    assert (await anext(reading)).data == "0"
    for number in range(1, 30):
        await live.append("s", str(number))
    assert not await live.holds("s", "1.1")
    assert await live.holds("s", "1.20")
    with pytest.raises(StreamLostError, match="unread"):
        await anext(reading)


async def test_a_closed_stream_goes_after_its_time_and_a_reader_may_finish_it(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock)
    for number in range(3):
        await live.append("s", str(number))
    await live.close_stream("s")
    reading = aiter(live.read("s"))
    assert (await anext(reading)).data == "0"
    clock.now += STREAM_SECONDS - 2
    assert await live.exists("s")
    clock.now += 3
    assert not await live.exists("s")
    assert [entry.data async for entry in reading] == ["1", "2"]
    assert await live.append("s", "anew") == "1.1"


async def test_an_idle_stream_goes_unless_somebody_watches(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock)
    await live.append("idle", "a")
    await live.append("watched", "a")
    watching = asyncio.create_task(_collect(live, "watched"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.now += STREAM_SECONDS + 2
    assert not await live.exists("idle")
    assert await live.exists("watched")
    await live.append("watched", "b")
    await live.close_stream("watched")
    assert await asyncio.wait_for(watching, SECONDS) == ["a", "b"]


async def _collect(live: EmbeddedLive, stream: str) -> list[str]:
    return [entry.data async for entry in live.read(stream)]


async def test_when_memory_runs_out_closed_streams_go_first(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock, all_streams_bytes=10_000)
    await live.append("running", "x" * 3000)
    await live.append("ended", "x" * 3000)
    await live.close_stream("ended")
    await live.append("next", "x" * 6000)
    assert [await live.exists(name) for name in ("running", "ended", "next")] == [True, False, True]


async def test_a_watcher_of_a_stream_that_gave_way_is_told(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock, all_streams_bytes=10_000)
    await live.append("old", "x" * 3000)
    watching = asyncio.create_task(_collect(live, "old"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await live.append("large", "x" * 50_000)
    with pytest.raises(StreamLostError, match="old"):
        await asyncio.wait_for(watching, SECONDS)
    assert await read_all(live, "large") == ["x" * 50_000]


async def test_waiting_for_a_stream_that_never_comes_leaves_nothing_behind(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock)
    waiting = asyncio.create_task(_collect(live, "never"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert live._streams == {}


async def test_values_go_when_their_time_is_over(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock)
    await live.put("k", b"v", ttl_seconds=10)
    assert await live.add("k", ttl_seconds=10) == 1
    assert await live.claim("k", ttl_seconds=10)
    clock.now += 9
    assert await live.get("k") == b"v"
    assert await live.add("k", ttl_seconds=10) == 2
    assert not await live.claim("k", ttl_seconds=10)
    clock.now += 1
    assert await live.get("k") is None
    assert await live.add("k", ttl_seconds=10) == 1
    assert await live.claim("k", ttl_seconds=10)


async def test_the_least_recently_used_values_give_way(clock: Clock) -> None:
    live = EmbeddedLive(clock=clock, value_bytes=100)
    for key in "abc":
        await live.put(key, b"x" * 30, ttl_seconds=60)
    await live.get("a")
    await live.put("d", b"x" * 30, ttl_seconds=60)
    assert [await live.get(key) is not None for key in "abcd"] == [True, False, True, True]
    await live.put("huge", b"x" * 101, ttl_seconds=60)
    assert await live.get("huge") is None


def test_expired_items_free_their_room_before_live_ones_do(clock: Clock) -> None:
    kept: Expiring[bytes] = Expiring(clock, max_items=3, max_bytes=1000, size=len)
    kept.put("long", b"x" * 10, 100)
    kept.put("short", b"x" * 10, 1)
    kept.put("again", b"x" * 10, 1)
    kept.put("again", b"y" * 20, 100)
    clock.now += 2
    kept.put("new", b"x" * 10, 100)
    kept.put("newer", b"x" * 10, 100)
    assert (len(kept), kept.bytes_held) == (3, 40)
    assert kept.get("again") == b"y" * 20
    assert kept.get("long") is None


def test_overwriting_one_item_for_ever_takes_no_memory(clock: Clock) -> None:
    kept: Expiring[bytes] = Expiring(clock, max_items=3, max_bytes=1000, size=len)
    for _ in range(10_000):
        kept.put("k", b"x", 1000)
    assert (len(kept), kept.bytes_held) == (1, 1)
    assert len(kept._due) < 100


async def test_nothing_is_written_after_the_end() -> None:
    live = EmbeddedLive()
    await live.close()
    with pytest.raises(StoreUnavailableError):
        await live.append("s", "x")
    with pytest.raises(StoreUnavailableError):
        await read_all(live, "s")
