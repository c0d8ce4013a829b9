"""Work that begins with an agent and is let go of when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from runtime.backends import Backends


def beginning(work: Callable[[Backends], Awaitable[None]]) -> Callable[[Backends], AbstractAsyncContextManager[None]]:
    """An agent's `background` that does `work` beside serving; leaving stops it."""

    @asynccontextmanager
    async def background(on: Backends) -> AsyncIterator[None]:
        task = asyncio.ensure_future(work(on))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return background
