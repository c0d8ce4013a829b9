"""The Tab key: a real bash completes commands, options, choices, files, and names of documents of the running host."""

from __future__ import annotations

import asyncio
import os
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hosts.cli.commands import COMMANDS
from hosts.cli.completion import completion
from hosts.cli.console import Exit
from hosts.cli.names import names
from tests.hosts.cli.toy_host import ToyHost, document, serving_folder
from tests.processes import AGENTRAG

SECONDS = 60


@pytest.fixture
async def data(tmp_path: Path) -> AsyncIterator[Path]:
    """A data folder whose host has two documents."""
    host = ToyHost(documents={"doc_1": document("doc_1", "manual.pdf"), "doc_2": document("doc_2", "my notes.md")})
    async with serving_folder(host, tmp_path / "data"):
        yield tmp_path / "data"


async def offered(typed: str, folder: Path, **environ: str) -> list[str]:
    """What bash offers once Tab is pressed behind `typed`."""
    words = " ".join(shlex.quote(word) for word in typed.split(" "))
    script = (
        'eval "$(agentrag completion bash)"\n'
        f"COMP_WORDS=({words})\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n"
        "_agentrag\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    path = f"{Path(AGENTRAG).parent}{os.pathsep}{os.environ['PATH']}"
    bash = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", script),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=os.environ | {"PATH": path} | environ,
    )
    async with asyncio.timeout(SECONDS):
        out, err = await bash.communicate()
    assert err == b""
    return out.decode().split("\n")[:-1]


async def test_bash_completes_commands_options_choices_and_files(tmp_path: Path) -> None:
    (tmp_path / "report.pdf").write_text("x")
    assert set(await offered("agentrag ", tmp_path)) == {words.split()[0] for words in COMMANDS}
    assert await offered("agentrag docs re", tmp_path) == ["reprocess"]
    assert await offered("agentrag ask x --conv", tmp_path) == ["--conversation"]
    assert await offered("agentrag docs ls --status f", tmp_path) == ["failed"]
    assert await offered("agentrag serve mon", tmp_path) == ["monitoring"]
    assert await offered("agentrag ingest re", tmp_path) == ["report.pdf"]


async def test_bash_completes_names_of_documents_while_a_federation_runs(data: Path, tmp_path: Path) -> None:
    environ = {"AGENTRAG_DATA": str(data)}
    assert await offered("agentrag docs show m", tmp_path, **environ) == ["manual.pdf", "my\\ notes.md"]
    assert await offered("agentrag ask x --doc man", tmp_path, **environ) == ["manual.pdf"]
    assert await offered(f"agentrag docs rm --data {data} ma", tmp_path, AGENTRAG_DATA="/none") == ["manual.pdf"]


def test_nothing_is_offered_and_nothing_said_without_a_federation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert names(tmp_path) == []
    monkeypatch.setenv("AGENTRAG_LOG_LEVEL", "loud")
    assert names(tmp_path) == []
    assert capsys.readouterr() == ("", "")


def test_every_shell_gets_its_script(capsys: pytest.CaptureFixture[str]) -> None:
    begins = {"bash": "# Bash completion for agentrag", "zsh": "#compdef agentrag", "fish": "# Fish completion for"}
    for shell, begin in begins.items():
        assert completion(shell) == Exit.OK
        script = capsys.readouterr().out
        assert script.startswith(begin)
        assert "reprocess" in script
