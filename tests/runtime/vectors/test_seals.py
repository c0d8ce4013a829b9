"""Seals that wait are done together, each waiter hears its own number, and nobody waits for ever."""

import asyncio

import pytest

from runtime.errors import StoreUnavailableError
from runtime.vectors.seals import Seals


class Act:
    """Seals as slowly as it is told to, and remembers what came together."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[str, str]]] = []
        self.go = asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self, tenant, versions):
        self.groups.append(list(versions))
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        return [len(document) for document, _ in versions]


def asked(seals: Seals, *documents: str, tenant: str = "local") -> list["asyncio.Task[int]"]:
    return [asyncio.create_task(seals.seal(tenant, (document, "v"))) for document in documents]


async def until(act: Act, groups: int) -> None:
    async with asyncio.timeout(10):
        while len(act.groups) < groups:
            await asyncio.sleep(0.001)


async def test_the_first_goes_at_once_and_those_that_come_meanwhile_go_together():
    act = Act()
    seals = Seals(act)
    first = asked(seals, "a")
    await until(act, 1)
    rest = asked(seals, "bb", "ccc", "dddd")
    await asyncio.sleep(0)
    act.go.set()
    assert await asyncio.gather(*first, *rest) == [1, 2, 3, 4]
    assert [[document for document, _ in group] for group in act.groups] == [["a"], ["bb", "ccc", "dddd"]]


async def test_tenants_do_not_wait_for_each_other():
    act = Act()
    seals = Seals(act)
    both = [*asked(seals, "a"), *asked(seals, "b", tenant="other")]
    await until(act, 2)
    act.go.set()
    assert await asyncio.gather(*both) == [1, 1]


async def test_all_of_a_group_hear_of_its_fault_and_the_next_group_is_tried():
    act = Act()
    seals = Seals(act)
    act.fault = StoreUnavailableError("gone; try again")
    act.go.set()
    failed = await asyncio.gather(*asked(seals, "a", "bb"), return_exceptions=True)
    assert [str(error) for error in failed] == ["gone; try again"] * 2
    act.fault = None
    assert await asyncio.gather(*asked(seals, "ccc")) == [3]


async def test_one_that_gives_up_does_not_stop_the_others():
    act = Act()
    seals = Seals(act)
    gone, kept = asked(seals, "a", "bb")
    await until(act, 1)
    gone.cancel()
    act.go.set()
    assert await kept == 2


async def test_closing_tells_those_who_wait():
    act = Act()
    seals = Seals(act)
    waiting = asked(seals, "a")
    await until(act, 1)
    waiting += asked(seals, "b")
    await asyncio.sleep(0)
    await seals.close()
    for task in waiting:
        with pytest.raises(StoreUnavailableError, match="closed"):
            await task
