"""Open, ping and close the backends that an agent needs; the one place that turns URLs into adapters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Literal

import structlog

from runtime.errors import SettingsError, StoreUnavailableError
from runtime.resilience import Backoff, retried
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.blobs.contract import Blobs
    from runtime.compute.contract import Compute
    from runtime.durable.contract import Durable
    from runtime.live.contract import Live
    from runtime.models.contract import Answerer, CrossEncoder, Embedder
    from runtime.records.contract import Records
    from runtime.vectors.contract import VectorStore

log = structlog.get_logger()

Need = Literal[
    "vectors", "records", "blobs", "live", "durable", "compute", "embedder", "reranker", "answerer", "simple_answerer"
]


STORE_BACKOFF = Backoff(attempts=30, first_seconds=1.0, factor=1.0)
"""A store that is started together with its agents may come up after them."""


class Backends:
    """The opened backends of one process. Agents that run in one process share one.

    Attributes are set by `open`, for the needs named there; reading another one is a fault of the agent's `needs`.
    """

    vectors: VectorStore
    records: Records
    blobs: Blobs
    live: Live
    durable: Durable
    compute: Compute
    embedder: Embedder
    reranker: CrossEncoder
    answerer: Answerer
    simple_answerer: Answerer

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._opened: dict[Need, Any] = {}
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()

    async def open(self, needs: Iterable[Need]) -> None:
        """Open what is needed and not open yet. Raises SettingsError for a URL that no adapter serves."""
        async with self._lock:
            for need in needs:
                if need not in self._opened:
                    backend = await _OPENERS[need](self.settings)
                    self._stack.push_async_callback(backend.close)
                    self._opened[need] = backend
                    setattr(self, need, backend)

    async def ping(self, needs: Iterable[Need], seconds: float = 2.0) -> dict[str, str]:
        """Ask each backend whether it works: `ok`, or what is wrong."""
        return dict(await asyncio.gather(*(self._ping(need, seconds) for need in needs)))

    async def _ping(self, need: Need, seconds: float) -> tuple[str, str]:
        backend = self._opened.get(need)
        if backend is None:
            return need, "not open"
        if not hasattr(backend, "ping"):
            return need, "ok"
        try:
            await asyncio.wait_for(backend.ping(), seconds)
        except Exception as error:  # readiness reports whatever is wrong with a backend
            return need, f"{type(error).__name__}: {error}"
        return need, "ok"

    async def close(self) -> None:
        """Close all, the last opened first."""
        self._opened.clear()
        await self._stack.aclose()


def _unknown(setting: str, url: str, served: str) -> SettingsError:
    return SettingsError(f"{setting} is {url!r}, and no adapter serves that scheme; use {served}")


async def _vectors(settings: Settings) -> VectorStore:
    match settings.vectors_url.partition(":")[0]:
        case "embedded":
            from runtime.vectors.embedded import EmbeddedVectors

            return await EmbeddedVectors.open(settings.place(settings.vectors_url))
        case "store":
            from runtime.vectors.remote import RemoteVectors

            socket = settings.place(settings.vectors_url)
            return await retried(lambda: RemoteVectors.connect(socket), STORE_BACKOFF, StoreUnavailableError)
    raise _unknown("vectors_url", settings.vectors_url, "embedded:<folder> or store:<socket>")


async def _records(settings: Settings) -> Records:
    if settings.records_url.partition(":")[0] != "sqlite":
        raise _unknown("records_url", settings.records_url, "sqlite:<file>")
    from runtime.records.sql import SqlRecords

    return await SqlRecords.open(settings.place(settings.records_url))


async def _blobs(settings: Settings) -> Blobs:
    if settings.blobs_url.partition(":")[0] != "folder":
        raise _unknown("blobs_url", settings.blobs_url, "folder:<folder>")
    from runtime.blobs.object_store import ObjectBlobs

    return ObjectBlobs.folder(settings.place(settings.blobs_url))


async def _live(settings: Settings) -> Live:
    if settings.live_url.partition(":")[0] != "memory":
        raise _unknown("live_url", settings.live_url, "memory:")
    from runtime.live.embedded import EmbeddedLive

    return EmbeddedLive()


async def _durable(settings: Settings) -> Durable:
    if settings.durable_url.partition(":")[0] != "embedded":
        raise _unknown("durable_url", settings.durable_url, "embedded:<file>")
    from runtime.durable.embedded import EmbeddedDurable

    return await EmbeddedDurable.open(settings.place(settings.durable_url))


async def _compute(settings: Settings) -> Compute:
    if settings.compute_url.partition(":")[0] != "embedded":
        raise _unknown("compute_url", settings.compute_url, "embedded:")
    from runtime.compute.embedded import EmbeddedCompute

    return EmbeddedCompute()


async def _embedder(settings: Settings) -> Embedder:
    from runtime.models.embedded import MiniLM
    from runtime.models.minilm import precision_of

    precision = precision_of(settings.embeddings_url)
    if precision is None:
        raise _unknown("embeddings_url", settings.embeddings_url, "embedded:minilm-int8 or embedded:minilm-fp32")
    return MiniLM(precision, progress=lambda step: log.info("model.building", step=step))


async def _reranker(settings: Settings) -> CrossEncoder:
    match settings.rerank_url.partition(":")[0]:
        case "onnx":
            from runtime.models.cross_encoder import OnnxCrossEncoder

            return OnnxCrossEncoder(settings.place(settings.rerank_url))
        case "http" | "https" | "tei":
            from runtime.models.rerank_service import RerankService

            return RerankService.from_settings(settings)
    raise _unknown("rerank_url", settings.rerank_url, "fused:, onnx:<folder>, https://host/v2/rerank or tei:<address>")


async def _answerer(settings: Settings) -> Answerer:
    match settings.answers_url.partition(":")[0]:
        case "embedded":
            return await _simple_answerer(settings)
        case "openai":
            from runtime.models.openai import OpenAIAnswerer

            return OpenAIAnswerer.from_settings(settings)
    raise _unknown("answers_url", settings.answers_url, "embedded:extractive or openai:https://host/v1")


async def _simple_answerer(settings: Settings) -> Answerer:
    """What answers when the first choice is away: sentences picked here need nobody else."""
    from runtime.models.extractive import ExtractiveAnswerer

    return ExtractiveAnswerer(await _embedder(settings))


_OPENERS: dict[Need, Callable[[Settings], Awaitable[Any]]] = {
    "vectors": _vectors,
    "records": _records,
    "blobs": _blobs,
    "live": _live,
    "durable": _durable,
    "compute": _compute,
    "embedder": _embedder,
    "reranker": _reranker,
    "answerer": _answerer,
    "simple_answerer": _simple_answerer,
}
