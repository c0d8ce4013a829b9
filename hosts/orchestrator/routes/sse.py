"""Entries of a stream as Server-Sent Events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from sse_starlette import EventSourceResponse, ServerSentEvent

from runtime.live.contract import Entry

PING_SECONDS = 15
RETRY_MS = 2000
CLOSING = "[DONE]"
"""Data of the line after the last event of a run, which clients of chat APIs wait for."""


async def _events(entries: AsyncIterator[Entry], *, ends: bool) -> AsyncIterator[ServerSentEvent]:
    first = True
    async for entry in entries:
        name = json.loads(entry.data).get("event", "message")
        yield ServerSentEvent(entry.data, id=entry.id, event=name, retry=RETRY_MS if first else None)
        first = False
    if ends:
        yield ServerSentEvent(CLOSING)


def streamed(
    entries: AsyncIterator[Entry], *, ends: bool = False, headers: dict[str, str] | None = None
) -> EventSourceResponse:
    """A response that streams entries; `ends` adds the closing line."""
    return EventSourceResponse(
        _events(entries, ends=ends),
        ping=PING_SECONDS,
        sep="\n",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})},
    )
