"""One process per journal: a lock file beside it, let go by the system when its holder ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from runtime.errors import FolderInUseError


class JournalLock:
    """The right to run the workflows of one journal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, journal: Path) -> JournalLock:
        """Become the only one. Raises FolderInUseError when somebody is."""
        descriptor = os.open(journal.with_name(f"{journal.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode() or "unknown"
            os.close(descriptor)
            raise FolderInUseError(
                f"the workflows in {journal} are run by process {holder}; stop it, "
                "or set AGENTRAG_DURABLE_URL=embedded:<another file> for this one"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let somebody else have it."""
        os.close(self._descriptor)
