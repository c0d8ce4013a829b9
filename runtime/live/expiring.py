"""Values that go after their time, or when there are too many: the least recently used first."""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class _Kept(NamedTuple, Generic[V]):
    value: V
    expires: float
    size: int


class Expiring(Generic[V]):
    """A mapping whose items expire at a time of `clock` (seconds) and together stay below two bounds."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        max_items: int,
        max_bytes: int = 0,
        size: Callable[[V], int] = lambda _: 0,
    ) -> None:
        self._clock = clock
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._size = size
        self._kept: OrderedDict[str, _Kept[V]] = OrderedDict()
        self._due: list[tuple[float, str]] = []
        self.bytes_held = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: str) -> V | None:
        """The value, unless its time is over."""
        kept = self._kept.get(key)
        if kept is None or kept.expires <= self._clock():
            return None
        self._kept.move_to_end(key)
        return kept.value

    def put(self, key: str, value: V, ttl_seconds: float) -> None:
        """Keep a value for a while, in place of an earlier one."""
        expires = self._clock() + ttl_seconds
        self._keep(key, _Kept(value, expires, self._size(value)))
        heapq.heappush(self._due, (expires, key))
        self._make_room()

    def update(self, key: str, value: V) -> None:
        """Change a value that is kept; its time stays as it was."""
        self._keep(key, self._kept[key]._replace(value=value, size=self._size(value)))
        self._make_room()

    def drop(self, key: str) -> None:
        """Forget a value, if there is one."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.bytes_held -= kept.size

    def _keep(self, key: str, kept: _Kept[V]) -> None:
        self.drop(key)
        self._kept[key] = kept
        self.bytes_held += kept.size

    def _make_room(self) -> None:
        now = self._clock()
        while self._due and self._due[0][0] <= now:
            expires, key = heapq.heappop(self._due)
            if key in self._kept and self._kept[key].expires == expires:
                self.drop(key)
        while len(self._kept) > self._max_items or self.bytes_held > self._max_bytes > 0:
            self.drop(next(iter(self._kept)))
        if len(self._due) > 2 * len(self._kept) + 64:
            self._due = [(kept.expires, key) for key, kept in self._kept.items()]
            heapq.heapify(self._due)
