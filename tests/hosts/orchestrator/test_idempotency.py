"""A key counts for its caller and its request, for a day, and across a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hosts.orchestrator.idempotency import KEPT, Answered, Key, once
from runtime.backends import Backends
from runtime.caller import Caller
from runtime.errors import InProgressError, KeyReusedError, QuotaError
from runtime.settings import Settings
from schemas.message import TenantId

ANN = Caller(TenantId("acme"), "ann", "member", frozenset())
BOB = Caller(TenantId("acme"), "bob", "member", frozenset())
KEY = Key.of("k1", "POST /v1/things", "body")


class Act:
    """Something that must not be done twice; counts how often it was."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> Answered:
        self.times += 1
        return Answered(202, f"/v1/things/{self.times}", {"made": self.times})


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Backends]:
    on = Backends(Settings(data=folder))
    await on.open(("records", "live"))
    try:
        yield on
    finally:
        await on.close()


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Backends]:
    async with opened(tmp_path) as backends:
        yield backends


async def test_the_first_answer_comes_back_also_after_a_restart(tmp_path: Path) -> None:
    act = Act()
    async with opened(tmp_path) as on:
        first = await once(on, ANN, KEY, act)
        assert await once(on, ANN, KEY, act) == first
    async with opened(tmp_path) as on:
        assert await once(on, ANN, KEY, act) == first
    assert act.times == 1


async def test_callers_do_not_share_keys_and_no_key_remembers_nothing(on: Backends) -> None:
    act = Act()
    await once(on, ANN, KEY, act)
    await once(on, BOB, KEY, act)
    for _ in range(2):
        await once(on, ANN, Key.of("", "POST /v1/things", "body"), act)
    assert act.times == 4


async def test_another_request_may_not_use_the_key(on: Backends) -> None:
    act = Act()
    await once(on, ANN, KEY, act)
    with pytest.raises(KeyReusedError, match="take a new key"):
        await once(on, ANN, Key.of("k1", "POST /v1/things", "other"), act)
    assert act.times == 1


async def test_while_it_is_taken_in_the_same_request_is_told_to_wait(on: Backends) -> None:
    act, begun, may_end = Act(), asyncio.Event(), asyncio.Event()

    async def slow() -> Answered:
        begun.set()
        await may_end.wait()
        return await act()

    first = asyncio.create_task(once(on, ANN, KEY, slow))
    async with asyncio.timeout(10):
        await begun.wait()
        with pytest.raises(InProgressError) as told:
            await once(on, ANN, KEY, act)
        may_end.set()
        answered = await first
    assert told.value.retry_after_s
    assert await once(on, ANN, KEY, act) == answered
    assert act.times == 1


async def test_what_failed_is_done_when_it_comes_again(on: Backends) -> None:
    act = Act()

    async def refused() -> Answered:
        raise QuotaError("the tenant holds 5 of 5 things; delete some")

    with pytest.raises(QuotaError):
        await once(on, ANN, KEY, refused)
    assert (await once(on, ANN, KEY, act)).body == {"made": 1}


async def test_a_day_later_the_key_is_free(on: Backends) -> None:
    act = Act()
    await once(on, ANN, KEY, act)
    receipt = await on.records.receipts.get(ANN.tenant, ANN.principal, "k1")
    assert receipt is not None
    old = replace(receipt, created_at=datetime.now(UTC) - KEPT - timedelta(seconds=1))
    await on.records.receipts.put(old, forget_before=old.created_at)
    assert (await once(on, ANN, KEY, act)).body == {"made": 2}
