"""The loopback interface: our processes talk over it, and in a fresh network namespace it may be down."""

from __future__ import annotations

import errno
import fcntl
import socket
import struct

from runtime.errors import SettingsError

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1
_REQUEST = struct.Struct("16sH14x")
"""`struct ifreq` with a name and flags. Source: netdevice(7)."""


def ensure_up() -> None:
    """Bring loopback up if it is down and we may. Raises SettingsError with the command that does it."""
    if _is_up():
        return
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            _, flags = _REQUEST.unpack(fcntl.ioctl(control, _GET_FLAGS, _REQUEST.pack(b"lo", 0)))
            fcntl.ioctl(control, _SET_FLAGS, _REQUEST.pack(b"lo", flags | _UP))
    except OSError as error:
        raise SettingsError(
            f"the loopback interface is down ({error.strerror}), and the agents meet on 127.0.0.1; "
            "run `ip link set lo up`"
        ) from error


def _is_up() -> bool:
    """Whether 127.0.0.1 can be reached; a datagram socket asks the routing table and sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("127.0.0.1", 9))
        except OSError as error:
            return error.errno not in {errno.ENETUNREACH, errno.EHOSTUNREACH}
    return True
