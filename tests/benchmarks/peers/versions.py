"""Which versions of some packages an environment has."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tests.benchmarks.case import Lap


def installed(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """Versions by name, of those that are there."""
    found = {}
    for name in ask["packages"]:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
