"""A loop that keeps its callers waiting shows it in a metric."""

from __future__ import annotations

import asyncio
import time

import httpx
from prometheus_client import REGISTRY

from runtime.heartbeat import BEAT_SECONDS, beating


def gaps(longer_than: float = 0.0) -> float:
    """How many gaps were longer; the limit is one of the metric's steps."""
    within = REGISTRY.get_sample_value("event_loop_gap_seconds_bucket", {"le": str(longer_than)}) or 0.0
    return (REGISTRY.get_sample_value("event_loop_gap_seconds_count") or 0.0) - within


async def beats(more: int) -> None:
    """Wait until the heart has beaten so often again."""
    until = gaps() + more
    async with asyncio.timeout(30):
        while gaps() < until:
            await asyncio.sleep(BEAT_SECONDS)


async def test_a_call_that_blocks_the_loop_is_a_gap() -> None:
    with beating():
        await beats(1)
        before = gaps(longer_than=0.2)
        time.sleep(0.25)
        await beats(1)
        assert gaps(longer_than=0.2) == before + 1


async def test_a_thread_that_keeps_the_interpreter_to_itself_is_a_gap() -> None:
    with beating():
        await beats(1)
        before = gaps(longer_than=0.05)
        await asyncio.to_thread(sum, range(20_000_000))  # one call into C, some hundred milliseconds
        await beats(1)
        assert gaps(longer_than=0.05) > before


async def test_agents_of_one_loop_share_its_heartbeat_and_the_last_one_stops_it() -> None:
    with beating():
        with beating():
            await beats(2)
        await beats(2)
    stopped = gaps()
    await asyncio.sleep(5 * BEAT_SECONDS)
    assert gaps() == stopped


async def test_an_agent_tells_the_gaps_of_its_loop_while_it_runs(base_url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        await beats(2)
        told = (await http.get(f"{base_url}/metrics")).text
    assert "event_loop_gap_seconds_bucket" in told
