"""Node with its packages, and a whole federation for the tests of one module."""

from __future__ import annotations

import pytest

from tests.conformance.node import Node


@pytest.fixture(scope="session")
def node() -> Node:
    """The Node of the set-up; without it the tests fail and say what to do."""
    return Node.installed()
