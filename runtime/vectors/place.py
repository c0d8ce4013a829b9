"""Where a store listens: Unix sockets that only their owner can reach, at paths short enough for the kernel."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path

from runtime.errors import SettingsError

LONGEST_PATH = 100
"""Bytes of a socket's path; Linux takes 107, macOS 103."""


def _private(folder: Path) -> Path:
    """Make `folder` for this user alone. Raises SettingsError when somebody else could have made it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"cannot make {folder} for sockets: {error}; set XDG_RUNTIME_DIR or TMPDIR") from error
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise SettingsError(
            f"{folder} must be a folder that only user {os.getuid()} can open; remove it, or set XDG_RUNTIME_DIR"
        )
    return folder


def runtime_folder() -> Path:
    """This user's private folder for sockets: below XDG_RUNTIME_DIR, or in the folder for temporary files."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and os.access(given, os.W_OK) and len(os.fsencode(given)) < LONGEST_PATH - 40:
        return _private(Path(given) / "agentrag")
    shared = Path(tempfile.gettempdir())
    if len(os.fsencode(shared)) >= LONGEST_PATH - 40:
        shared = Path("/tmp")  # noqa: S108 - only a folder of our own in it is used
    return _private(shared / f"agentrag-{os.getuid()}")


def _named_after(path: Path) -> Path:
    return runtime_folder() / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:24]}.sock"


def embedded_socket(folder: Path) -> Path:
    """Where the store child of a data folder listens."""
    return _named_after(folder.resolve())


def short(path: Path) -> Path:
    """`path` itself, or the place that both sides use instead when it is too long for a socket."""
    whole = path.resolve()
    return whole if len(os.fsencode(whole)) <= LONGEST_PATH else _named_after(whole)


def _vacate(path: Path) -> None:
    """Remove what a dead store left at `path`. Raises SettingsError when it is no socket, or somebody listens there."""
    if not path.exists():
        return
    if not path.is_socket():
        raise SettingsError(f"{path} is no socket; give `agentrag serve store` another place to listen at")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise SettingsError(f"another store listens at {path}; stop it, or give this one another socket")


def bind(path: Path) -> socket.socket:
    """A socket at `path` that only this user can connect to."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _vacate(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening
