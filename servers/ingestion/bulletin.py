"""The latest state of a document, for any number of watchers of any speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from schemas.document import Document

EVERY_SECONDS = 0.1
"""A watcher hears at most this often; what came meanwhile is told by the latest state."""


class Bulletin:
    """Whoever follows hears the state at once, then each newer one, and at the end the last."""

    def __init__(self, document: Document) -> None:
        self.latest = document
        self._news = asyncio.Event()
        self._closed = asyncio.Event()

    def post(self, document: Document) -> None:
        """Tell a newer state."""
        self.latest = document
        news, self._news = self._news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """Say that nothing more will come."""
        self._closed.set()
        self._news.set()

    async def follow(self) -> AsyncIterator[Document]:
        """States as they come, until it is closed."""
        seen: Document | None = None
        while True:
            news = self._news
            if self.latest is not seen:
                seen = self.latest
                yield seen
            if self._closed.is_set() and self.latest is seen:
                return
            await news.wait()
            try:
                await asyncio.wait_for(self._closed.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue
