"""What is told of units that a search found: read from the index, and kept at hand for the next one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from qdrant_edge import EdgeShard

from runtime.vectors.wire import Card

REMEMBERED = 8_000
"""Units whose cards are kept at hand; reading one from the index takes ten times as long as finding it."""


def card(point: Any) -> Card:
    """The card of a unit as the index holds it."""
    told = point.payload
    return Card(point.id.bytes, told["kind"], told["document"], told["version"], told["page"], told["payload"].encode())


class Cards:
    """The cards of one index, the `most` read last from memory. It must hear of every unit that is written."""

    def __init__(self, edge: EdgeShard, most: int = REMEMBERED) -> None:
        self._edge = edge
        self._most = most
        self._held: dict[bytes, Card] = {}

    def __len__(self) -> int:
        """How many are at hand."""
        return len(self._held)

    def of(self, ids: Iterable[bytes]) -> dict[bytes, Card]:
        """The cards of these units, by id."""
        found = {id_: held for id_ in ids if (held := self._held.get(id_)) is not None}
        missing: list[Any] = [UUID(bytes=id_) for id_ in ids if id_ not in found]
        if missing:
            read = map(card, self._edge.retrieve(missing, with_payload=True, with_vector=False))
            fresh = {one.id: one for one in read}
            self._held |= fresh
            found |= fresh
            for id_ in list(islice(self._held, max(0, len(self._held) - self._most))):
                del self._held[id_]
        return found

    def forget(self, id_: bytes) -> None:
        """The unit is written anew, or gone."""
        self._held.pop(id_, None)
