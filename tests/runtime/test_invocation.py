"""Coalesced tokens: in order, none lost, and never in the way of a cancel."""

from __future__ import annotations

import asyncio

import pytest

from runtime.invocation import COALESCE_SECONDS, Coalescer
from schemas.skills import Progress, Token


class Listener:
    """Takes items; the second one for as long as it is told to, also when it is cancelled meanwhile."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.busy = asyncio.Event()
        self.free = asyncio.Event()

    async def __call__(self, item: Token | Progress) -> None:
        if isinstance(item, Token) and self.heard:
            self.busy.set()
            await self.free.wait()
        self.heard.append(item.content if isinstance(item, Token) else item.message)


async def test_what_is_on_its_way_when_the_last_is_sent_arrives_before_it() -> None:
    listener = Listener()
    gather = Coalescer(listener)
    await gather(Token(content="first "))
    await gather(Token(content="second "))
    await asyncio.wait_for(listener.busy.wait(), 10)
    ending = asyncio.create_task(gather(Progress(message="end")))
    await asyncio.sleep(0)
    listener.free.set()
    await asyncio.wait_for(ending, 10)
    assert listener.heard == ["first ", "second ", "end"]


async def test_a_cancel_that_lands_while_tokens_are_sent_is_one() -> None:
    listener = Listener()
    gather = Coalescer(listener)
    await gather(Token(content="first "))
    await gather(Token(content="second "))
    await asyncio.wait_for(listener.busy.wait(), 10)
    ending = asyncio.create_task(gather.flush())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(ending, 10)
    listener.free.set()


async def test_a_token_after_a_note_is_not_forgotten() -> None:
    listener = Listener()
    listener.free.set()
    gather = Coalescer(listener)
    await gather(Token(content="first "))
    await gather(Token(content="second "))
    await gather(Progress(message="note"))
    await gather(Token(content="third "))
    await asyncio.sleep(COALESCE_SECONDS * 4)
    await gather.flush()
    assert "".join(listener.heard) == "first second notethird "
