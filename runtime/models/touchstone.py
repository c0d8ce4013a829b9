"""A touchstone for MiniLM: four sentences whose likeness is known, so that a wrong model shows at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.models.contract import Embedder

SENTENCES = (
    "The pump must be switched off before the cover is opened.",
    "Turn the pump off, then open its cover.",
    "Invoices are paid within thirty days of receipt.",
    "What is the warranty period of the compressor?",
)
LIKENESS = {(0, 1): 0.834, (0, 2): -0.112, (0, 3): 0.045, (1, 2): -0.129, (1, 3): 0.066, (2, 3): 0.206}
"""Cosine of each two of them in float32, to three digits; int8 is up to 0.02 off."""
TOLERANCE = 0.04
"""Largest deviation that the model's own rounding explains."""


async def deviation(embedder: Embedder) -> float:
    """How far the worst of the likenesses is from what it should be, infinitely when a vector holds no number.

    Raises: ModelUnavailableError.
    """
    rows = await embedder.embed(SENTENCES)
    off = [abs(float(rows[first] @ rows[second]) - known) for (first, second), known in LIKENESS.items()]
    return max(math.inf if math.isnan(one) else one for one in off)
