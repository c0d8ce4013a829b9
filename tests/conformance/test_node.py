"""The Node of the set-up: the right one, or a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.node import Node, NodeMissingError, install


async def test_programs_run_on_the_node_that_was_installed(node: Node, tmp_path: Path) -> None:
    module = tmp_path / "version.mjs"
    module.write_text("console.log(process.version, process.argv.slice(2));")
    (line,) = [line async for line in node.lines(module, "a", "b")]
    assert line.startswith("v22.")
    assert line.endswith("[ 'a', 'b' ]")


def test_without_it_tests_fail_and_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(NodeMissingError, match="run `make node`"):
        Node.installed()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NodeMissingError, match="apt install npm"):
        install()


def test_what_is_installed_is_not_installed_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert install() == node.home
