"""Have the system put files on the disk that it still holds in memory."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def written_out(folder: Path) -> None:
    """Have the system write what it holds of the folder's files; other threads go on meanwhile."""
    for path in (folder, *folder.rglob("*")):
        with suppress(OSError):  # gone, or a folder that cannot be opened so
            file = os.open(path, os.O_RDONLY)
            try:
                os.fsync(file)
            finally:
                os.close(file)
