"""qdrant-client's local mode with a folder. Runs in the peers' environment."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.case import Lap


def search(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The nearest points of one document."""
    import numpy as np
    from qdrant_client import QdrantClient, models

    warnings.simplefilter("ignore")  # it warns that this mode is for small collections
    rows, asked = np.load(ask["rows"]), np.load(ask["asked"])[: ask["queries"]]
    found = []
    with TemporaryDirectory() as folder:
        client = QdrantClient(path=folder)
        size = models.VectorParams(size=rows.shape[1], distance=models.Distance.COSINE)
        client.create_collection("chunks", vectors_config=size)
        begun = time.perf_counter()
        client.upload_points(
            "chunks",
            (
                models.PointStruct(
                    id=number,
                    vector=one.tolist(),
                    payload={"document": f"doc_{number % ask['documents']}", "content": "x" * 600},
                )
                for number, one in enumerate(rows)
            ),
        )
        build = time.perf_counter() - begun
        with lap:
            for number, one in enumerate(asked):
                match = models.MatchValue(value=f"doc_{number % ask['documents']}")
                only = models.Filter(must=[models.FieldCondition(key="document", match=match)])
                points = client.query_points("chunks", query=one.tolist(), query_filter=only, limit=ask["top"]).points
                found.append([point.id for point in points])
        client.close()
    return {"found": found, "build_s": build}
