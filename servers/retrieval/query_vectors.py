"""Vectors of questions, remembered for a while: the same question asked again is not embedded again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.models.contract import Embedder
    from runtime.vectors.contract import Floats


class QueryVectors:
    """The latest `most` vectors, each for at most `seconds`. A vector depends on model and text alone."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._held: OrderedDict[tuple[str, str], tuple[float, Floats]] = OrderedDict()

    async def of(self, text: str, embedder: Embedder) -> Floats:
        """The unit vector of `text`."""
        key = embedder.fingerprint, text
        until, vector = self._held.get(key, (0.0, None))
        if vector is not None and self._clock() < until:
            self._held.move_to_end(key)
            return vector
        fresh: Floats = (await embedder.embed([text]))[0]
        self._held[key] = self._clock() + self._seconds, fresh
        self._held.move_to_end(key)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        return fresh
