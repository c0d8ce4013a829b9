"""sentence-transformers as its documentation shows it: batches of 32, all cores. Runs in the peers' environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.case import Lap


def embed(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The passages' unit vectors."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(ask["model"], device="cpu", local_files_only=True)
    model.encode(["warm"], normalize_embeddings=True)
    with lap:
        rows = model.encode(ask["texts"], normalize_embeddings=True)
    np.save(ask["vectors"], rows)
    return {}
