"""Documents by name: found by a part of it, stopped, and several removed only after a person said yes."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hosts.cli.console import Exit
from hosts.cli.docs import cancel, ls, rm
from tests.hosts.cli.toy_host import ToyHost, document, serving_folder
from tests.processes import AGENTRAG

SECONDS = 60
CTRL_C = b"\x03"


@pytest.fixture
def host() -> ToyHost:
    return ToyHost(documents={f"doc_{name}": document(f"doc_{name}", f"{name}.pdf") for name in ("manual", "offer")})


@pytest.fixture
async def data(host: ToyHost, tmp_path: Path) -> AsyncIterator[Path]:
    async with serving_folder(host, tmp_path / "data"):
        yield tmp_path / "data"


async def test_a_list_can_be_narrowed_to_parts_of_names(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ls(["MAN", "nothing"], as_json=True, data=data) == Exit.OK
    assert [one["filename"] for one in json.loads(capsys.readouterr().out)["documents"]] == ["manual.pdf"]
    assert await ls(["nothing"], data=data) == Exit.OK
    assert capsys.readouterr().out == ""


async def test_ingestion_is_stopped_by_name(host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await cancel(["manual"], data=data) == Exit.OK
    heads, line = capsys.readouterr().out.splitlines()
    assert (heads.split(), line.split()) == (["ID", "NAME", "STATE"], ["doc_manual", "manual.pdf", "cancelled"])
    assert await cancel(["offer"], as_json=True, data=data) == Exit.OK
    assert json.loads(capsys.readouterr().out)["documents"][0]["status"] == "cancelled"


async def typed(answer: bytes, *words: str, data: Path) -> tuple[int | None, str]:
    """What a command that asks comes to when a person types `answer`; the exit code and what the terminal shows."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(AGENTRAG, *words, "--data", str(data)), stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    async with asyncio.timeout(SECONDS):
        while b"[y/N]" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 1000)
        if answer == CTRL_C:
            process.send_signal(signal.SIGINT)
        else:
            os.write(ours, answer)
        code = await process.wait()
    os.close(ours)
    return code, shown.decode()


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, 0), (b"\n", 1, 2), (b"no\n", 1, 2), (CTRL_C, 130, 2)])
async def test_several_are_removed_only_after_a_yes(
    host: ToyHost, data: Path, answer: bytes, code: int, left: int
) -> None:
    found, shown = await typed(answer, "docs", "rm", "manual", "offer", data=data)
    assert (found, len(host.documents)) == (code, left)
    assert "Remove 2 documents (manual.pdf, offer.pdf)? [y/N]" in shown


async def test_nobody_is_asked_with_yes_or_without_a_terminal(host: ToyHost, data: Path) -> None:
    assert await rm(["manual", "offer"], yes=True, data=data) == Exit.OK
    assert host.documents == {}
