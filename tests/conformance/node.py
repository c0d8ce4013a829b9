"""Node 22, the protocol suites and the foreign clients: installed from npm once for each lock file, run from there.

`make node`, a part of `make test`, installs them.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).parent
GIVEN = ("package.json", "package-lock.json", ".npmrc")


class NodeMissingError(RuntimeError):
    """Node or what is run by it is not installed; the message has the remedy."""


def home() -> Path:
    """The folder of what the lock file names; another lock file has another folder."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in GIVEN)).hexdigest()
    return user_cache_path("agentrag") / "node" / digest[:16]


def install() -> Path:
    """Install what the lock file names, unless it is there; a half-done install is never seen.

    Raises: NodeMissingError when npm is missing or fails.
    """
    there = home()
    if there.is_dir():
        return there
    npm = shutil.which("npm")
    if npm is None:
        raise NodeMissingError("npm is not on the path; install it (Debian: apt install npm) and run `make node`")
    there.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=there.parent) as folder:
        for name in GIVEN:
            shutil.copy(HERE / name, folder)
        command = [npm, "ci", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NodeMissingError(f"npm ci failed, so the conformance tests cannot run:\n{done.stderr[-2000:]}")
        with suppress(OSError):  # another process was faster
            Path(folder).rename(there)
    return there


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Node:
    """The installed Node with the packages beside it."""

    home: Path

    @classmethod
    def installed(cls) -> Node:
        """The Node of the set-up. Raises NodeMissingError."""
        node = cls(home())
        if not node.binary.exists():
            raise NodeMissingError(f"{node.binary} is missing; run `make node`, which installs it from npm")
        return node

    @property
    def packages(self) -> Path:
        """The folder of the packages."""
        return self.home / "node_modules"

    @property
    def binary(self) -> Path:
        """Node itself."""
        return self.packages / ".bin" / "node"

    async def run(self, program: str, *arguments: str, seconds: float = 120.0) -> Ended:
        """Run a program of a package to its end."""
        return await self._ended([str(self.packages / program), *arguments], b"", seconds)

    async def script(self, path: Path, *arguments: str, seconds: float = 120.0) -> Ended:
        """Run a module of ours to its end; it imports the packages by name."""
        return await self._ended(["--input-type=module", "-", *arguments], path.read_bytes(), seconds)

    async def _ended(self, arguments: list[str], given: bytes, seconds: float) -> Ended:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            self.binary, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.home, env=_environment()
        )
        try:
            out, err = await asyncio.wait_for(child.communicate(given), seconds)
        except TimeoutError:
            child.kill()
            out, err = await child.communicate()
            raise AssertionError(f"{arguments} did not end in {seconds} s:\n{out.decode()[-3000:]}") from None
        return Ended(child.returncode or 0, out.decode(), err.decode())


def _environment() -> dict[str, str]:
    """This process's environment without proxies: everything that the programs call is on loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"NO_COLOR": "1"}


if __name__ == "__main__":
    try:
        install()
    except NodeMissingError as error:
        sys.exit(str(error))
