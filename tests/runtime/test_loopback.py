"""The loopback interface is brought up where it is down and we may."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import socket
from runtime.loopback import _is_up, ensure_up
before = _is_up()
ensure_up()
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname(), timeout=5).close()
print(before, _is_up())
"""


def test_a_fresh_network_namespace_gets_its_loopback() -> None:
    allowed = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    if allowed.returncode:
        pytest.skip("this machine does not allow network namespaces")
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["False", "True"]


def test_a_loopback_that_is_up_is_left_alone() -> None:
    from runtime.loopback import ensure_up

    ensure_up()
