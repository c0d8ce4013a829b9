"""Live state: streams that many can read and read again, values with a time to live, counters and claims."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from runtime.errors import AgentRAGError, ConflictError, InvalidInputError
from runtime.live.contract import Entry, Live
from runtime.live.embedded import EmbeddedLive

ADAPTERS: dict[str, Callable[[], Live]] = {"memory": EmbeddedLive}
SECONDS = 20.0


@pytest.fixture(params=ADAPTERS)
async def live(request: pytest.FixtureRequest) -> AsyncIterator[Live]:
    """Empty live state, one adapter after the other."""
    opened = ADAPTERS[request.param]()
    yield opened
    await opened.close()


async def collect(entries: AsyncIterator[Entry]) -> list[Entry]:
    """All entries until the stream ends."""
    async with asyncio.timeout(SECONDS):
        return [entry async for entry in entries]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(SECONDS):
        while not await holds():
            await asyncio.sleep(0.01)


async def test_entries_are_numbered_within_their_attempt(live: Live) -> None:
    ids = [await live.append("s", "a"), await live.append("s", "b"), await live.append("s", "c", attempt=2)]
    ids.append(await live.append("s", "d", attempt=2))
    assert ids == ["1.1", "1.2", "2.1", "2.2"]
    await live.close_stream("s")
    assert await collect(live.read("s")) == [Entry(id, data) for id, data in zip(ids, "abcd", strict=True)]


async def test_attempts_need_not_be_consecutive(live: Live) -> None:
    assert await live.append("s", "a", attempt=1_700_000_000_000) == "1700000000000.1"
    assert await live.append("s", "b", attempt=1_700_000_000_007) == "1700000000007.1"
    await live.close_stream("s")
    assert [entry.data for entry in await collect(live.read("s", "1700000000000.1"))] == ["b"]


async def test_a_replaced_attempt_can_write_no_more(live: Live) -> None:
    await live.append("s", "new", attempt=2)
    with pytest.raises(ConflictError, match="attempt"):
        await live.append("s", "old", attempt=1)
    with pytest.raises(InvalidInputError, match="attempt"):
        await live.append("other", "none", attempt=0)
    assert not await live.exists("other")


async def test_a_reader_goes_on_after_any_id(live: Live) -> None:
    ids = [await live.append("s", str(number), attempt=1 + number // 3) for number in range(9)]
    await live.close_stream("s")
    for position, entry_id in enumerate(ids):
        assert await live.holds("s", entry_id)
        assert [entry.id for entry in await collect(live.read("s", entry_id))] == ids[position + 1 :]


@pytest.mark.parametrize(
    "entry_id", ["1.4", "3.1", "0.1", "1.0", "", "1", "x.y", "1.-1", "1.1.1", " 1.1", "1.1\n", "9" * 40]
)
async def test_an_id_that_was_never_given_is_not_held(live: Live, entry_id: str) -> None:
    for number in range(6):
        await live.append("s", "x", attempt=1 + number // 3)
    assert not await live.holds("s", entry_id)
    with pytest.raises(AgentRAGError) as raised:
        await collect(live.read("s", entry_id))
    assert raised.value.code == "stream.lost"


async def test_many_readers_each_get_everything(live: Live) -> None:
    readers = [asyncio.create_task(collect(live.read("s"))) for _ in range(20)]
    await asyncio.sleep(0)
    for number in range(50):
        await live.append("s", str(number))
        if number % 10 == 0:
            readers.append(asyncio.create_task(collect(live.read("s"))))
            await asyncio.sleep(0)
    await live.close_stream("s")
    for entries in await asyncio.gather(*readers):
        assert [entry.data for entry in entries] == [str(number) for number in range(50)]


async def test_a_reader_sees_an_entry_before_the_stream_ends(live: Live) -> None:
    reading = live.read("s")
    await live.append("s", "first")
    assert (await asyncio.wait_for(anext(aiter(reading)), SECONDS)).data == "first"
    waiting = asyncio.create_task(anext(aiter(reading)))
    done, _ = await asyncio.wait({waiting}, timeout=0.05)
    assert not done
    await live.append("s", "second")
    assert (await asyncio.wait_for(waiting, SECONDS)).data == "second"


async def test_a_reader_may_come_before_the_first_entry(live: Live) -> None:
    reading = asyncio.create_task(collect(live.read("s")))
    await asyncio.sleep(0.02)
    assert not await live.exists("s")
    await live.append("s", "first")
    await live.close_stream("s")
    assert [entry.data for entry in await reading] == ["first"]


async def test_without_following_a_reader_takes_what_is_there(live: Live) -> None:
    assert await collect(live.read("s", follow=False)) == []
    await live.append("s", "a")
    assert [entry.data for entry in await collect(live.read("s", follow=False))] == ["a"]


async def test_a_reader_that_leaves_disturbs_nobody(live: Live) -> None:
    leaving = asyncio.create_task(collect(live.read("s")))
    staying = asyncio.create_task(collect(live.read("s")))
    await asyncio.sleep(0.01)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await live.append("s", "a")
    await live.close_stream("s")
    assert len(await staying) == 1


async def test_a_slow_reader_holds_up_neither_writer_nor_others(live: Live) -> None:
    slow = live.read("s")
    await live.append("s", "0")
    await anext(aiter(slow))
    async with asyncio.timeout(SECONDS):
        for number in range(1, 500):
            await live.append("s", str(number))
    await live.close_stream("s")
    assert len(await collect(live.read("s"))) == 500
    assert len(await collect(slow)) == 499


async def test_a_closed_stream_opens_with_a_higher_attempt_only(live: Live) -> None:
    await live.append("s", "a")
    await live.close_stream("s")
    await live.close_stream("s")
    with pytest.raises(ConflictError, match="closed"):
        await live.append("s", "late")
    assert await live.append("s", "b", attempt=2) == "2.1"
    await live.close_stream("s")
    assert [entry.data for entry in await collect(live.read("s", "1.1"))] == ["b"]


async def test_streams_are_told_apart(live: Live) -> None:
    await live.append("s", "a")
    assert await live.exists("s")
    assert not await live.exists("t")
    assert not await live.holds("t", "1.1")
    await live.close_stream("t")
    assert not await live.exists("t")


async def test_a_value_stays_for_its_time(live: Live) -> None:
    assert await live.get("k") is None
    await live.put("k", b"\x00v", ttl_seconds=60)
    await live.put("short", b"v", ttl_seconds=0.05)
    assert await live.get("k") == b"\x00v"
    await live.put("k", b"w", ttl_seconds=60)
    assert await live.get("k") == b"w"

    async def gone() -> bool:
        return await live.get("short") is None

    await until(gone)
    await live.forget("k")
    await live.forget("k")
    assert await live.get("k") is None


async def test_of_many_that_claim_one_wins(live: Live) -> None:
    won = await asyncio.gather(*(live.claim("k", ttl_seconds=60) for _ in range(10)))
    assert sum(won) == 1
    assert await live.claim("other", ttl_seconds=60)
    await live.forget("k")
    assert await live.claim("k", ttl_seconds=60)


async def test_a_claim_ends_with_its_time(live: Live) -> None:
    assert await live.claim("k", ttl_seconds=0.05)

    async def again() -> bool:
        return await live.claim("k", ttl_seconds=60)

    await until(again)


async def test_a_counter_counts_and_begins_anew_after_its_time(live: Live) -> None:
    assert await live.add("k", ttl_seconds=60) == 1
    assert await live.add("k", 5, ttl_seconds=60) == 6
    assert await live.add("k", -2, ttl_seconds=60) == 4
    assert await live.add("short", 3, ttl_seconds=0.05) == 3

    async def anew() -> bool:
        return await live.add("short", ttl_seconds=0.05) == 1

    await until(anew)


async def test_values_claims_and_counters_of_one_name_are_different_things(live: Live) -> None:
    await live.put("k", b"v", ttl_seconds=60)
    assert await live.claim("k", ttl_seconds=60)
    assert await live.add("k", ttl_seconds=60) == 1
    assert await live.get("k") == b"v"


async def test_closing_ends_the_readers(live: Live) -> None:
    reading = asyncio.create_task(collect(live.read("s")))
    await live.append("s", "a")
    await asyncio.sleep(0.01)
    await live.ping()
    await live.close()
    assert [entry.data for entry in await reading] == ["a"]
    with pytest.raises(AgentRAGError):
        await live.ping()
