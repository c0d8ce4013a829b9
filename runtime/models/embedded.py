"""Embeddings on this machine's processor: all-MiniLM-L6-v2 over onnxruntime, no network, no torch."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from runtime.errors import ModelUnavailableError
from runtime.models import minilm, weights
from runtime.models.minilm import Floats, Precision, Progress

WINDOW = 256
SPECIAL_TOKENS = 2
MOST_THREADS = 4
NICENESS = 5
"""Steps by which threads that embed documents stand back behind those that answer people."""

TURN_CHARS = 1500
"""Characters of text that a thread embeds in one go, unless one text is longer: some 30 ms. What is no longer than this
altogether, such as a question, has threads of its own and waits for no document."""

PIECE_CHARS = 200_000
"""Characters whose token offsets are turned into Python objects in one go, which other threads have to wait for."""

T = TypeVar("T")

_GAP = re.compile(r"[ \n]")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def turns(texts: Sequence[str], most_chars: int = TURN_CHARS) -> Iterator[slice]:
    """Cut `texts` into runs of at most `most_chars` characters, at least one text each, in order."""
    start, chars = 0, 0
    for at, text in enumerate(texts):
        if at > start and chars + len(text) > most_chars:
            yield slice(start, at)
            start, chars = at, 0
        chars += len(text)
    if start < len(texts):
        yield slice(start, len(texts))


def pieces(text: str, least_chars: int = PIECE_CHARS) -> Iterator[tuple[int, str]]:
    """Cut `text` at spaces or line ends, `least_chars` or more apart: (offset, piece) in order, nothing left out."""
    start = 0
    while gap := _GAP.search(text, start + least_chars):
        yield start, text[start : gap.start()]
        start = gap.start()
    yield start, text[start:]


def past_marks(text: str, end: int) -> int:
    """`end`, or the end of the combining marks that follow there: the model does not read them, people do."""
    while end < len(text) and unicodedata.category(text[end]) == "Mn":
        end += 1
    return end


class Tokens:
    """WordPieces of a text: the model's own tokenizer, with the packaged truncation and padding switched off."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        # Our threads are parallel already, and the library's own pool would complain after a fork.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        with weights.verified(folder / weights.TOKENS_FILE, weights.TOKENS_SHA256) as data:
            self._tokenizer = Tokenizer.from_buffer(bytes(data))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # "[SEP]" in a text is text
        self._first = self._tokenizer.token_to_id("[CLS]")
        self._last = self._tokenizer.token_to_id("[SEP]")

    def _encoded(self, text: str) -> Any:
        # A batch of one, because only batches let other threads run meanwhile. UTF-8 has no halves of surrogate pairs.
        return self._tokenizer.encode_batch([_HALF_PAIR.sub("\ufffd", text)], add_special_tokens=False)[0]

    def ids(self, text: str) -> list[int]:
        """What the model reads of `text`: at most `WINDOW` ids, the two special ones included."""
        encoded = self._encoded(text)
        encoded.truncate(WINDOW - SPECIAL_TOKENS)
        return [self._first, *encoded.ids, self._last]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets (start, end) of every token of `text`."""
        found = ((offset, span) for offset, piece in pieces(text) for span in self._encoded(piece).offsets)
        if text.isascii():
            return [(offset + start, offset + end) for offset, (start, end) in found]
        return [(offset + start, past_marks(text, offset + end)) for offset, (start, end) in found]


def load_session(path: Path, *, is_fused: bool = False, remedy: str = "name another model") -> Any:
    """A graph, loaded. Threads may share it: each run works in its caller's thread alone and lets others go on.

    A graph that is written in fused nodes where these are quicker is left so; the optimiser would fuse the others, too.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    if is_fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common class below Exception
        raise ModelUnavailableError(f"cannot load {path}: {error}; {remedy}") from error


def load_tokenizer(path: Path) -> Any:
    """The tokenizer in a `tokenizer.json`. Raises ModelUnavailableError when it is none."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no class of its own
        raise ModelUnavailableError(f"cannot load {path}: {error}; name another model") from error


class Network:
    """The packaged graph, loaded."""

    def __init__(self, path: Path) -> None:
        self._session = load_session(path, is_fused=True, remedy="delete it, the next use builds it anew")

    def vector(self, ids: list[int]) -> Floats:
        """Unit float32 vector (384,) of one text."""
        found: Floats = self._session.run(["vector"], {"ids": np.array([ids], np.int64)})[0][0]
        return found


def _stand_back() -> None:
    """Have this thread wait for those that answer people, where the system knows priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS)


class Shared(Generic[T]):
    """Things that are costly to load, one of each per process, kept as long as somebody uses it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """The thing of this key; one caller loads it while the others wait."""
        with self._lock:
            held = self._held.get(key)
            if held is None:
                held = self._held[key] = load()
            found: T = held
            return found


_TOKENS: Shared[Tokens] = Shared()
_NETWORKS: Shared[Network] = Shared()


class MiniLM:
    """An `Embedder`. Nothing is read before the first text; the first one on a machine builds the graph (seconds).

    `threads` texts are embedded at a time, each alone at its exact length, which is quicker than padded batches.
    `weights_dir` holds weights and tokenizer (found where they were installed when absent), `cache_dir` the graphs.
    `progress` hears about the build, from a worker thread.
    """

    dimension = minilm.DIMENSION
    window = WINDOW

    def __init__(
        self,
        precision: Precision = "int8",
        *,
        threads: int | None = None,
        cache_dir: Path | None = None,
        weights_dir: Path | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.fingerprint = minilm.fingerprint(precision)
        self._precision = precision
        self._cache_dir = cache_dir
        self._weights_dir = weights_dir
        self._progress = progress
        self._threads = threads or min(os.cpu_count() or 1, MOST_THREADS)
        self._prompt = ThreadPoolExecutor(self._threads, thread_name_prefix="minilm-prompt")
        self._patient = ThreadPoolExecutor(self._threads, thread_name_prefix="minilm", initializer=_stand_back)
        self._tokens: Tokens | None = None
        self._network: Network | None = None
        self._closed = False

    async def embed(self, texts: Sequence[str], on_batch: Callable[[int], None] | None = None) -> Floats:
        """Unit float32 rows (n, 384), order kept; what lies beyond 256 tokens of a text is not read.

        `on_batch` hears in the event loop how many texts are done so far. Calls share the threads in short turns.
        Raises: ModelUnavailableError when the weights are missing or damaged, or this was closed.
        """
        rows = np.empty((len(texts), self.dimension), np.float32)
        todo, done = turns(texts), 0
        pool = self._prompt if sum(map(len, texts)) <= TURN_CHARS else self._patient
        loop = asyncio.get_running_loop()

        async def take_turns() -> None:
            nonlocal done
            for part in todo:
                self._refuse_if_closed()
                rows[part] = await loop.run_in_executor(pool, self._vectors, texts[part])
                done += part.stop - part.start
                if on_batch is not None:
                    on_batch(done)

        # One more than there are threads, so that none waits for the event loop between two turns.
        lanes = [asyncio.ensure_future(take_turns()) for _ in range(min(self._threads + 1, len(texts)))]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
        return rows

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets (start, end) of each WordPiece of `text`, without special tokens and without a limit.

        Call it from a worker thread: a megabyte takes a second, and the first call loads the tokenizer (50 ms).
        """
        self._refuse_if_closed()
        return self._load_tokens().spans(text)

    async def close(self) -> None:
        """Let the turns in hand end, then release threads and memory; calls that have more to do are refused."""
        self._closed = True
        for pool in (self._prompt, self._patient):
            await asyncio.to_thread(pool.shutdown)
        self._tokens = self._network = None

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise ModelUnavailableError("this embedder is closed; open the backends anew")

    def _vectors(self, texts: Sequence[str]) -> Floats:
        tokens, network = self._load_tokens(), self._load_network()
        return np.stack([network.vector(tokens.ids(text)) for text in texts])

    def _load_tokens(self) -> Tokens:
        if self._tokens is None:
            folder = self._weights_dir or weights.weights_folder()
            self._tokens = _TOKENS.get(folder, lambda: Tokens(folder))
        return self._tokens

    def _load_network(self) -> Network:
        if self._network is None:
            path = minilm.ensure_graph(
                self._precision, cache_dir=self._cache_dir, weights_dir=self._weights_dir, progress=self._progress
            )
            self._network = _NETWORKS.get(path, lambda: Network(path))
        return self._network
