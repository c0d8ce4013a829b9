"""The official protocol suites, on a server of ours that offers the names which they call."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.settings import Settings
from tests.conformance import suite
from tests.conformance.fixture import create_fixture
from tests.conformance.node import Node
from tests.serving import serving

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:The (logging|sampling) capability is deprecated"),
]
TASKS = {
    "tasks-capability-negotiation",
    "tasks-dispatch-and-envelope",
    "tasks-lifecycle",
    "tasks-mrtr-composition",
    "tasks-mrtr-input",
    "tasks-request-headers",
    "tasks-request-state-removal",
    "tasks-required-task-error",
    "tasks-wire-fields",
}
"""Scenarios of the tasks extension, which is optional and which we do not offer: long work is an A2A task here."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    async with serving(create_fixture(Settings(data=tmp_path_factory.mktemp("data"))).app()) as base_url:
        yield f"{base_url}/mcp"


async def test_everything_that_2026_07_28_requires_passes(node: Node, url: str, tmp_path: Path) -> None:
    found = await suite.run(node, suite.SUITE, url, tmp_path, "--requirements", "2026-07-28")
    scored = suite.required(node, "2026-07-28")
    assert found.complaints(scored) == []
    assert found.ended.code == 0, found.ended.out
    totals = found.totals(scored)
    assert (len(scored), totals["SUCCESS"], totals["FAILURE"]) == (37, 115, 0)
    assert (len(found.checks), found.failed) == (50, TASKS)


async def test_the_older_suite_fails_only_where_it_must(node: Node, url: str, tmp_path: Path) -> None:
    reasons = ["--expected-failures", str(suite.EXPECTED_FAILURES)]
    found = await suite.run(node, suite.OLDER_SUITE, url, tmp_path, *reasons)
    assert found.failed == suite.expected_failures()
    assert found.ended.code == 0, found.ended.out
    assert (len(found.checks), len(found.failed)) == (30, 7)


async def test_an_expected_failure_that_passes_is_reported(node: Node, url: str, tmp_path: Path) -> None:
    listed = tmp_path / "listed.yaml"
    listed.write_text("server: [ping]\n")
    options = ["--scenario", "ping", "--expected-failures", str(listed)]
    found = await suite.run(node, suite.OLDER_SUITE, url, tmp_path / "results", *options)
    assert found.failed == set()
    assert found.ended.code == 1
