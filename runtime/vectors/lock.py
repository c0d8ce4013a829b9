"""One owner for a data folder: a lock file that says who, and lets go when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

from runtime.errors import FolderInUseError

LOCK_FILE = "owner.lock"

GRACE = 0.5
"""Seconds to wait for any owner: one that was killed a moment ago may not have noticed yet."""
LEAVING_GRACE = 15.0
"""Seconds to wait for an owner that is closing, or whose parent is gone so that it will close."""


class FolderLock:
    """The lock on one folder, held until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Become the owner of `folder`. Blocks while an owner is on its way out.

        Raises: FolderInUseError when another process owns it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        started = time.monotonic()
        while True:
            descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                owner = _read(descriptor)
                os.close(descriptor)
                if time.monotonic() - started > (LEAVING_GRACE if _is_leaving(owner) else GRACE):
                    raise _refusal(folder, owner) from None
                time.sleep(0.02)
                continue
            lock = cls(descriptor)
            lock.note(leaving=False)
            return lock

    def note(self, *, leaving: bool) -> None:
        """Write who owns the folder, and whether the owner is about to leave."""
        text = json.dumps({"pid": os.getpid(), "parent": os.getppid(), "leaving": leaving}).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Let the folder go."""
        os.close(self._descriptor)


def _read(descriptor: int) -> dict[str, int]:
    try:
        found = json.loads(os.pread(descriptor, 1000, 0))
    except ValueError:
        return {}  # the owner is writing this moment
    return found if isinstance(found, dict) else {}


def _is_leaving(owner: dict[str, int]) -> bool:
    parent = owner.get("parent", 1)
    if owner.get("leaving"):
        return True
    try:
        os.kill(parent, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _refusal(folder: Path, owner: dict[str, int]) -> FolderInUseError:
    return FolderInUseError(
        f"the vectors in {folder} are in use by process {owner.get('pid', 'unknown')}; stop it, or let both share one "
        f"store: run `agentrag serve store` and set AGENTRAG_VECTORS_URL=store:<socket> for both"
    )
