"""A cross-encoder from a folder of its own: reads question and passage together and says how well they fit.

The folder is what sentence-transformers and its kin write: `tokenizer.json` with `model.onnx`, or `onnx/model.onnx`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.errors import ModelUnavailableError, SettingsError
from runtime.models.embedded import MOST_THREADS, load_session, load_tokenizer

GRAPHS = ("model.onnx", "onnx/model.onnx")
TOKENS = "tokenizer.json"

LONGEST_PAIR = 512
"""Tokens of question and passage together, special ones included; what is longer loses the end of the passage."""

KNOWN_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


def relevance(logits: NDArray[Any]) -> float:
    """0..1 from what a model says of one pair: one number through the logistic function, or the second of two classes.

    Raises: ValueError for other shapes.
    """
    numbers = [float(number) for number in logits.reshape(-1)]
    if len(numbers) == 2:
        numbers = [numbers[1] - numbers[0]]
    if len(numbers) != 1:
        raise ValueError(f"it gives {len(numbers)} numbers for a pair, where a cross-encoder gives one or two")
    return float(1 / (1 + np.exp(-np.clip(numbers[0], -60, 60))))


class OnnxCrossEncoder:
    """A `CrossEncoder`. The model is loaded with the first question; each pair is read alone at its exact length."""

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        found = [folder / graph for graph in GRAPHS if (folder / graph).is_file()]
        if not found or not (folder / TOKENS).is_file():
            raise SettingsError(
                f"rerank_url names {folder}, which holds no cross-encoder: it needs {TOKENS} and {' or '.join(GRAPHS)}"
            )
        self._graph, self._tokens = found[0], folder / TOKENS
        self._pool = ThreadPoolExecutor(threads or min(os.cpu_count() or 1, MOST_THREADS), thread_name_prefix="rerank")
        self._loading = asyncio.Lock()
        self._loaded: tuple[Any, Any] | None = None
        self.name = folder.name

    async def scores(self, question: str, passages: Sequence[str]) -> list[float]:
        """How well each passage answers, 0..1, order kept.

        Raises: ModelUnavailableError when the files cannot be used as a cross-encoder.
        """
        loop = asyncio.get_running_loop()
        async with self._loading:
            if self._loaded is None:
                self._loaded = await loop.run_in_executor(self._pool, self._load)
        tokenizer, session = self._loaded
        tasks = [
            loop.run_in_executor(self._pool, self._score, tokenizer, session, question, passage) for passage in passages
        ]
        try:
            return list(await asyncio.gather(*tasks))
        finally:
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Let the pairs in hand end and release threads and memory."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        self._loaded = None

    def _load(self) -> tuple[Any, Any]:
        tokenizer = load_tokenizer(self._tokens)
        tokenizer.no_padding()
        tokenizer.enable_truncation(LONGEST_PAIR, strategy="only_second")
        session = load_session(self._graph)
        unknown = {given.name for given in session.get_inputs()} - KNOWN_INPUTS
        if unknown:
            raise self._unusable(f"it wants {', '.join(sorted(unknown))} besides tokens")
        return tokenizer, session

    def _score(self, tokenizer: Any, session: Any, question: str, passage: str) -> float:
        try:
            pair = tokenizer.encode(question, passage)
            given = {"input_ids": pair.ids, "attention_mask": pair.attention_mask, "token_type_ids": pair.type_ids}
            inputs = {want.name: np.array([given[want.name]], np.int64) for want in session.get_inputs()}
            return relevance(session.run(None, inputs)[0])
        except Exception as error:  # what the two libraries raise has no common class below Exception
            raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> ModelUnavailableError:
        return ModelUnavailableError(
            f"{self._graph} cannot be used to rerank: {why}; name another folder in rerank_url"
        )
