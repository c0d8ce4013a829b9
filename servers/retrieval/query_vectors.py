"""Vectors of questions, remembered for a while: the same question asked again is not embedded again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from servers.retrieval.remembered import Remembered

if TYPE_CHECKING:
    from runtime.models.contract import Embedder
    from runtime.vectors.contract import Floats


class QueryVectors:
    """The latest `most` vectors, each for at most `seconds`. A vector depends on model and text alone."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: Remembered[Floats] = Remembered("query_vectors", most, seconds, clock)

    async def of(self, text: str, embedder: Embedder) -> Floats:
        """The unit vector of `text`."""
        key = embedder.fingerprint, text
        vector = self._held.get(key)
        if vector is None:
            vector = (await embedder.embed([text]))[0]
            self._held.put(key, vector)
        return vector
