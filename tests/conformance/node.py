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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

HERE = Path(__file__).parent
SECONDS = 100.0
"""How long a program may run."""
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

    async def run(self, program: str, *arguments: str) -> Ended:
        """Run a program of a package to its end."""
        async with self._started(str(self.packages / program), *arguments) as child:
            out, err = await child.communicate()
        return Ended(child.returncode or 0, out.decode(), err.decode())

    async def lines(self, module: Path, *arguments: str) -> AsyncIterator[str]:
        """What a module of ours prints, line by line as it comes; it imports the packages by name."""
        async with self._started("--input-type=module", "-", *arguments) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(module.read_bytes())
            child.stdin.close()
            async for line in child.stdout:
                yield line.decode().rstrip("\n")
            _, err = await child.communicate()
        assert child.returncode == 0, err.decode()

    @asynccontextmanager
    async def _started(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A process that is ended with the context, and after `SECONDS` in any case."""
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            *(self.binary, *arguments), stdin=pipe, stdout=pipe, stderr=pipe, cwd=self.home, env=self._environment()
        )
        try:
            async with asyncio.timeout(SECONDS):
                yield child
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()

    def _environment(self) -> dict[str, str]:
        """This process's without proxies, for all that is called is on loopback; what programs keep lies with them."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return kept | {"NO_COLOR": "1", "HOME": str(self.home)}


if __name__ == "__main__":
    try:
        install()
    except NodeMissingError as error:
        sys.exit(str(error))
