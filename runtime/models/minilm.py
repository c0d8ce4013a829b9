"""The ONNX graph of all-MiniLM-L6-v2, built from its packaged weights once per machine, without torch.

The graph reads the token ids of one text, `ids` int64 (1, n) with n <= 512, and gives `vector` float32 (1, 384): the
mean of the last layer's tokens at unit length. There is no mask, because each run holds one text at its exact length.
Sources: BERT (arXiv 1810.04805), MiniLM (arXiv 2002.10957), Sentence-BERT (arXiv 1908.10084).
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from runtime.errors import ModelUnavailableError
from runtime.models.weights import WEIGHTS_FILE, WEIGHTS_SHA256, default_cache, verified, weights_folder

Precision = Literal["int8", "fp32"]
Progress = Callable[[str], None]
Floats = NDArray[np.float32]

DIMENSION = 384
LAYERS = 6
HEADS = 12
EPSILON = 1e-12

RECIPE = 1
"""Raised when the graph changes, so that an older one in the cache is left alone. If its vectors change too, the
precision needs a new name, since vectors of one fingerprint must be comparable."""

GRAPH_FILE, ARRAYS_FILE = f"graph-{RECIPE}.onnx", f"graph-{RECIPE}.arrays"

INLINE_BYTES = 1024
"""Arrays smaller than this stand in the graph itself. The others lie in a file that is mapped, so that processes share
what they only look things up in, and no long serialising keeps other threads waiting."""

WEIGHT_STEPS = 64
"""Steps either side of zero in an int8 weight. Processors without VNNI add two byte products in 16 bits and saturate;
2 * 255 * 64 stays within 32767, so every processor gives the same vectors."""


def fingerprint(precision: Precision) -> str:
    """Name of the vectors that this model makes at `precision`."""
    return f"minilm-l6-v2/{WEIGHTS_SHA256[:8]}/{precision}"


def read_tensors(data: bytes | mmap.mmap) -> dict[str, Floats]:
    """Copy the float32 tensors out of a safetensors file by name; the rest (position ids) is left out.

    Source: the format's own page, huggingface.co/docs/safetensors: a length of 8 bytes, a JSON header, raw tensors.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8:start])
    tensors = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            first, end = entry["data_offsets"]
            values = np.frombuffer(data, np.float32, count=(end - first) // 4, offset=start + first)
            tensors[name] = values.reshape(entry["shape"]).copy()
    return tensors


def quantised(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Round `weight` (in, out) to int8 with a scale per output: int8 (in, out) and float32 (out,), zero at zero."""
    top = np.abs(weight).max(axis=0)
    scale = (np.where(top > 0, top, 1) / WEIGHT_STEPS).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


class GraphWriter:
    """Nodes and constants of a graph that is being written; every method returns the name of its output."""

    def __init__(self, precision: Precision) -> None:
        self.precision = precision
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.arrays: list[NDArray[Any]] = []
        self._bytes = 0

    def constant(self, values: NDArray[Any]) -> str:
        """Keep `values`, in the graph when they are few, else in the file beside it that `arrays` makes."""
        from onnx import TensorProto, helper, numpy_helper

        name = f"constant_{len(self.constants)}"
        values = np.ascontiguousarray(values)
        if values.nbytes < INLINE_BYTES:
            self.constants.append(numpy_helper.from_array(values, name))
            return name
        outside = TensorProto(name=name, dims=values.shape, data_location=TensorProto.EXTERNAL)
        outside.data_type = helper.np_dtype_to_tensor_dtype(values.dtype)
        place = {"location": ARRAYS_FILE, "offset": str(self._bytes), "length": str(values.nbytes)}
        for key, value in place.items():
            outside.external_data.add(key=key, value=value)
        self.constants.append(outside)
        self.arrays.append(values)
        self._bytes += values.nbytes
        return name

    def nodes_of(self, kind: str, *inputs: str, outputs: list[str], **attributes: Any) -> list[str]:
        """Add a node with named outputs."""
        from onnx import helper

        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output."""
        return self.nodes_of(kind, *inputs, outputs=[f"{kind}_{len(self.nodes)}"], **attributes)[0]

    def add_fused(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of onnxruntime's own set, which does the work of several standard ones."""
        return self.add(kind, *inputs, domain="com.microsoft", **attributes)

    def linear(self, x: str, weight: Floats, bias: Floats, *, per_token: bool = False) -> str:
        """`x` (1, n, in) @ `weight` (in, out) + `bias` (out,).

        In int8 the activations are rounded as they come, with one scale for the whole text; `per_token` first brings
        every token to the same size, which is exact in float and keeps one loud token from coarsening the others.
        Source: ZeroQuant (arXiv 2206.01861), token-wise quantisation.
        """
        if self.precision == "fp32":
            return self.add("Add", self.add("MatMul", x, self.constant(weight)), self.constant(bias))
        values, scale = quantised(weight)
        if not per_token:
            rounded = [self.constant(values), self.constant(scale), "", self.constant(bias)]
            return self.add_fused("DynamicQuantizeMatMul", x, *rounded)
        size = self.add("ReduceMax", self.add("Abs", x), self.constant(np.array([2])))
        even = self.add("Div", x, size)
        product = self.add_fused("DynamicQuantizeMatMul", even, self.constant(values), self.constant(scale))
        return self.add("Add", self.add("Mul", product, size), self.constant(bias))

    def rows(self, table: Floats, ids: str) -> str:
        """Rows of `table` (m, d) at `ids` (1, n): (1, n, d). In int8 each row has its own scale."""
        if self.precision == "fp32":
            return self.add("Gather", self.constant(table), ids)
        scale = (np.abs(table).max(axis=1, keepdims=True) / 127).astype(np.float32)
        values = np.rint(table / np.where(scale > 0, scale, 1)).astype(np.int8)
        from onnx import TensorProto

        found = self.add("Cast", self.add("Gather", self.constant(values), ids), to=TensorProto.FLOAT)
        return self.add("Mul", found, self.add("Gather", self.constant(scale), ids))

    def normalised_sum(self, x: str, y: str, weights: Mapping[str, Floats], name: str) -> str:
        """Layer normalisation of `x` + `y`."""
        gain, shift = self.constant(weights[f"{name}.weight"]), self.constant(weights[f"{name}.bias"])
        return self.add("LayerNormalization", self.add("Add", x, y), gain, shift, epsilon=EPSILON)


def add_embeddings(graph: GraphWriter, weights: Mapping[str, Floats]) -> str:
    """Word, position and segment (always the first) of every token, normalised: (1, n, 384)."""
    places = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    words = graph.rows(weights["embeddings.word_embeddings.weight"], "ids")
    zero = graph.constant(np.array([0]))
    length = graph.add("Shape", "ids", start=1, end=2)
    here = graph.add("Slice", graph.constant(places), zero, length)
    return graph.normalised_sum(words, here, weights, "embeddings.LayerNorm")


def add_layer(graph: GraphWriter, x: str, weights: Mapping[str, Floats], layer: int) -> str:
    """One transformer layer: attention, then the feed-forward part, each added to its input and normalised."""
    base = f"encoder.layer.{layer}"

    def dense(x: str, *names: str, per_token: bool = False) -> str:
        weight = np.concatenate([weights[f"{base}.{name}.weight"].T for name in names], axis=1)
        bias = np.concatenate([weights[f"{base}.{name}.bias"] for name in names])
        return graph.linear(x, weight, bias, per_token=per_token)

    stacked = dense(x, "attention.self.query", "attention.self.key", "attention.self.value")
    parts = graph.nodes_of(
        "Split", stacked, outputs=[f"{part}_{layer}" for part in ("query", "key", "value")], axis=2, num_outputs=3
    )
    attended = graph.add_fused("MultiHeadAttention", *parts, num_heads=HEADS)
    seen = dense(attended, "attention.output.dense")
    x = graph.normalised_sum(seen, x, weights, f"{base}.attention.output.LayerNorm")
    wide = graph.add_fused("Gelu", dense(x, "intermediate.dense", per_token=True))
    return graph.normalised_sum(dense(wide, "output.dense", per_token=True), x, weights, f"{base}.output.LayerNorm")


def build_graph(weights: Mapping[str, Floats], precision: Precision) -> tuple[bytes, list[NDArray[Any]]]:
    """The whole model: a serialised ONNX graph and, in order, the arrays that make the file beside it."""
    from onnx import TensorProto, helper

    graph = GraphWriter(precision)
    x = add_embeddings(graph, weights)
    for layer in range(LAYERS):
        x = add_layer(graph, x, weights, layer)
    mean = graph.add("ReduceMean", x, graph.constant(np.array([1])), keepdims=0)
    graph.nodes_of("LpNormalization", mean, outputs=["vector"], axis=1, p=2)
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, DIMENSION])
    model = helper.make_model(
        helper.make_graph(graph.nodes, fingerprint(precision), [ids], [vector], graph.constants),
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)],
        ir_version=10,
    )
    return bytes(model.SerializeToString()), graph.arrays


def precision_of(url: str) -> Precision | None:
    """The precision that an `embeddings_url` of this model names, None when it names another model."""
    precisions: dict[str, Precision] = {"embedded:minilm-int8": "int8", "embedded:minilm-fp32": "fp32"}
    return precisions.get(url)


def graph_path(precision: Precision, cache_dir: Path | None = None) -> Path:
    """Where the graph is, or will be."""
    return (cache_dir or default_cache()) / fingerprint(precision) / GRAPH_FILE


def is_built(path: Path) -> bool:
    """Whether a graph is complete."""
    return path.exists() and path.with_name(ARRAYS_FILE).exists()


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes and threads out of `folder` meanwhile; the lock goes when its holder dies."""
    with (folder / "build.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _put(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write the whole file or nothing; the caller holds the folder's lock."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def ensure_graph(
    precision: Precision,
    *,
    cache_dir: Path | None = None,
    weights_dir: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Path of the graph, built first if this machine has none; processes that come meanwhile wait for the one at work.

    `weights_dir` holds `model.safetensors` (found where it was installed when absent); `progress` hears what is done.
    Raises: ModelUnavailableError when the weights are missing or not the expected ones, or the cache is not writable.
    """
    path = graph_path(precision, cache_dir)
    if is_built(path):
        return path
    tell = progress or (lambda _: None)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(path.parent):
            if not is_built(path):
                tell("Checking the weights of the embedding model")
                with verified((weights_dir or weights_folder()) / WEIGHTS_FILE, WEIGHTS_SHA256) as data:
                    weights = read_tensors(data)
                tell(f"Building the embedding model ({precision}), once on this machine")
                graph, arrays = build_graph(weights, precision)
                _put(path.with_name(ARRAYS_FILE), (values.data for values in arrays))
                _put(path, [graph])
                tell("Embedding model ready")
    except OSError as error:
        raise ModelUnavailableError(
            f"cannot keep the embedding model in {path.parent}: {error}; "
            f"make the folder writable with 100 MB free, or set XDG_CACHE_HOME to one that is"
        ) from error
    return path
