"""One owner for a data folder: a lock file that says who, and lets go when its process ends, however it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from runtime.errors import FolderInUseError
from runtime.ownership import OwnedError, Ownership

LOCK_FILE = "owner.lock"

GRACE = 0.5
"""Seconds to wait for any owner: one that was killed a moment ago may not have noticed yet."""
LEAVING_GRACE = 15.0
"""Seconds to wait for an owner that is closing, or whose parent is gone so that it will close."""


class FolderLock:
    """The lock on one folder, held until `release` or the end of the process."""

    def __init__(self, owned: Ownership) -> None:
        self._owned = owned

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Become the owner of `folder`. Blocks while an owner is on its way out.

        Raises: FolderInUseError when another process owns it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        started = time.monotonic()
        while True:
            try:
                return cls(Ownership.take(folder / LOCK_FILE, **_facts(leaving=False)))
            except OwnedError as held:
                if time.monotonic() - started > (LEAVING_GRACE if _is_leaving(held.facts) else GRACE):
                    raise _refusal(folder, held.facts) from None
            time.sleep(0.02)

    def note(self, *, leaving: bool) -> None:
        """Write who owns the folder, and whether the owner is about to leave."""
        self._owned.note(**_facts(leaving=leaving))

    def release(self) -> None:
        """Let the folder go."""
        self._owned.release()


def _facts(*, leaving: bool) -> dict[str, Any]:
    return {"parent": os.getppid(), "leaving": leaving}


def _is_leaving(owner: dict[str, Any]) -> bool:
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


def _refusal(folder: Path, owner: dict[str, Any]) -> FolderInUseError:
    return FolderInUseError(
        f"the vectors in {folder} are in use by process {owner.get('pid', 'unknown')}; stop it, or let both share one "
        f"store: run `agentrag serve store` and set AGENTRAG_VECTORS_URL=store:<socket> for both"
    )
