"""One owner for a file or folder: a lock that says who holds it, and goes when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class OwnedError(Exception):
    """Somebody else holds it; `facts` is what the holder noted, empty while it writes."""

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(f"held by process {facts.get('pid', 'unknown')}")
        self.facts = facts


class Ownership:
    """A held lock file, until `release` or the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, **facts: Any) -> Ownership:
        """Become the owner and note `facts` beside the process id. Raises OwnedError at once when there is one."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _read(descriptor)
            os.close(descriptor)
            raise OwnedError(held) from None
        owned = cls(descriptor)
        owned.note(**facts)
        return owned

    def note(self, **facts: Any) -> None:
        """Write who holds it and what else others should know."""
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def release(self) -> None:
        """Let somebody else have it."""
        os.close(self._descriptor)


def holder(path: Path) -> dict[str, Any] | None:
    """What the holder of a lock file noted, or None when nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return None


def _read(descriptor: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(descriptor, 4000, 0))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
