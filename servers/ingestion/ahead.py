"""Work ahead: pages are cut and their chunks embedded while later pages are still being read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from runtime.records.contract import PageRecord
from servers.ingestion.split import Piece

Cut = Callable[[Sequence[PageRecord], int], Awaitable[list[Piece]]]
"""Cuts pages into pieces; the number is the ordinal of the first."""
Prepare = Callable[[Sequence[Piece], Sequence[PageRecord]], Awaitable[None]]
"""Embeds pieces of the given pages before somebody asks for them."""

PREPARED_AT_ONCE = 16
"""Pieces that are embedded in one go; so many are still finished when the last page has been cut."""


class Ahead:
    """Takes the pages of a document in order."""

    def __init__(self, cut: Cut, prepare: Prepare) -> None:
        self._cut = cut
        self._prepare = prepare
        self._pieces: list[Piece] = []
        self._pages: asyncio.Queue[Sequence[PageRecord] | None] = asyncio.Queue()
        self._cuts: asyncio.Queue[tuple[Sequence[Piece], Sequence[PageRecord]] | None] = asyncio.Queue()
        self._is_over = False
        self._cutting = asyncio.create_task(self._cut_pages())
        self._preparing = asyncio.create_task(self._prepare_pieces())

    async def take(self, pages: Sequence[PageRecord]) -> None:
        """Take the next pages; returns at once."""
        self._pages.put_nowait(pages)

    async def pieces(self) -> list[Piece]:
        """All pieces, after the last page was taken. What is not embedded by then is left to whoever stores them.

        Raises: what cutting or embedding raised.
        """
        self._pages.put_nowait(None)
        await self._cutting
        self._is_over = True
        self._cuts.put_nowait(None)
        await self._preparing
        return self._pieces

    async def close(self) -> None:
        """Stop where it is."""
        for task in (self._cutting, self._preparing):
            task.cancel()
        await asyncio.gather(self._cutting, self._preparing, return_exceptions=True)

    async def _cut_pages(self) -> None:
        while (pages := await self._pages.get()) is not None:
            fresh = await self._cut(pages, len(self._pieces))
            self._pieces += fresh
            self._cuts.put_nowait((fresh, pages))

    async def _prepare_pieces(self) -> None:
        while (found := await self._cuts.get()) is not None:
            pieces, pages = found
            for start in range(0, len(pieces), PREPARED_AT_ONCE):
                if self._is_over:
                    return
                await self._prepare(pieces[start : start + PREPARED_AT_ONCE], pages)


@asynccontextmanager
async def ahead(cut: Cut, prepare: Prepare) -> AsyncIterator[Ahead]:
    """Work ahead for the length of the context."""
    work = Ahead(cut, prepare)
    try:
        yield work
    finally:
        await work.close()
