"""Remember what was made a moment ago, and count how often that helped."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from runtime.telemetry import CACHE_LOOKUPS

V = TypeVar("V")


class Remembered(Generic[V]):
    """The `most` values that were used last, each for at most `seconds`. `name` is what the metric calls it."""

    def __init__(self, name: str, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._held: OrderedDict[Hashable, tuple[float, V]] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        """The value, if it is still remembered."""
        until, value = self._held.get(key, (0.0, None))
        fresh = value is not None and self._clock() < until
        CACHE_LOOKUPS.labels(self._name, "hit" if fresh else "miss").inc()
        if not fresh:
            return None
        self._held.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        """Remember a value from now on."""
        self._held[key] = self._clock() + self._seconds, value
        self._held.move_to_end(key)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
