"""Handoffs: what one step of a run leaves for the next, kept as blobs so that workflow histories stay small."""

from __future__ import annotations

from typing import TypeVar

from runtime.blobs.contract import Blobs
from runtime.errors import NotFoundError
from schemas.message import Message, TenantId

M = TypeVar("M", bound=Message)


class Handoffs:
    """Values of one run by name; written again by a repeated step, removed when the run is remembered."""

    def __init__(self, blobs: Blobs, tenant: TenantId, query_id: str) -> None:
        self._blobs = blobs
        self._prefix = f"{tenant}/runs/{query_id}"

    async def leave(self, name: str, value: Message) -> None:
        """Leave a value for a later step."""
        await self._blobs.put(f"{self._prefix}/{name}.json", value.model_dump_json().encode())

    async def take(self, name: str, kind: type[M]) -> M | None:
        """The value an earlier step left, or None."""
        try:
            return kind.model_validate_json(await self._blobs.get(f"{self._prefix}/{name}.json"))
        except NotFoundError:
            return None

    async def clear(self) -> None:
        """Remove them all."""
        await self._blobs.delete(self._prefix)
