"""Run the official protocol suites against a server, and read what they found."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.conformance.node import Ended, Node

SUITE = "@modelcontextprotocol/conformance/dist/index.js"
"""The suite that knows which scenarios a revision requires."""
OLDER_SUITE = "conformance-older/dist/index.js"
"""The suite of 2025-06-18 and 2025-11-25."""
REQUIREMENTS = "@modelcontextprotocol/conformance/requirements"
EXPECTED_FAILURES = Path(__file__).with_name("expected_failures.yaml")
BAD = ("FAILURE", "WARNING")
FOLDER = re.compile(r"server-(?P<scenario>.+?)-\d{4}-\d\d-\d\dT")


@dataclass(frozen=True)
class Found:
    """What a run of a suite found: each scenario's checks as (id, status, message)."""

    ended: Ended
    checks: dict[str, list[tuple[str, str, str]]]

    @property
    def failed(self) -> set[str]:
        """Scenarios with a check that failed or warns, which the suites take for the same."""
        return {name for name in self.checks if self.complaints([name])}

    def totals(self, scenarios: Iterable[str]) -> Counter[str]:
        """How many checks of the scenarios ended how."""
        return Counter(status for name in scenarios for _, status, _ in self.checks[name])

    def complaints(self, scenarios: Iterable[str]) -> list[str]:
        """What is wrong in the scenarios, in words; one that did not run is wrong, too."""
        return [
            f"{name}: {check}: {message}"
            for name in scenarios
            for check, status, message in self.checks.get(name, [("missing", "FAILURE", "it did not run")])
            if status in BAD
        ]


async def run(node: Node, suite: str, url: str, folder: Path, *options: str) -> Found:
    """Run a suite against the MCP server at `url`; its results go into `folder`."""
    ended = await node.run(suite, "server", "--url", url, "--output-dir", str(folder), *options)
    checks = {}
    for path in folder.glob("*/checks.json"):
        name = FOLDER.match(path.parent.name)
        assert name is not None, f"not the results of a scenario: {path.parent}"
        found = json.loads(path.read_text())
        checks[name["scenario"]] = [(one["id"], one["status"], one.get("errorMessage", "")) for one in found]
    return Found(ended, checks)


def required(node: Node, revision: str) -> list[str]:
    """The server scenarios that a revision of the specification requires."""
    requirements = yaml.safe_load((node.packages / REQUIREMENTS / f"{revision}.yaml").read_text())
    scenarios: list[str] = requirements["server"]
    return scenarios


def expected_failures() -> set[str]:
    """The scenarios of the older suite that fail for a reason."""
    return set(yaml.safe_load(EXPECTED_FAILURES.read_text())["server"])
