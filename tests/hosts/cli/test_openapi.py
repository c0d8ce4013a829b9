"""`agentrag openapi`: the document, without a federation."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from hosts.cli.console import Exit
from hosts.cli.openapi import openapi
from runtime.errors import InvalidInputError
from tests.processes import AGENTRAG


def test_the_document_is_printed_and_nothing_is_started_or_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AGENTRAG_DATA": str(data)}
    done = subprocess.run([AGENTRAG, "openapi"], env=env, capture_output=True, text=True, timeout=60, check=True)
    printed = json.loads(done.stdout)
    assert printed["openapi"].startswith("3.2")
    assert "/v1/queries" in printed["paths"]
    assert done.stderr == ""
    assert not data.exists()


async def test_the_document_can_go_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "api.json"
    assert await openapi(out=file) == Exit.OK
    assert json.loads(file.read_text())["info"]["title"] == "AgentRAG"
    assert str(file) in capsys.readouterr().err


async def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="choose another file"):
        await openapi(out=tmp_path / "missing" / "api.json")
