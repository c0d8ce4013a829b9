"""What the commands print, to the letter: their help, their main results, their errors.

Each case has a file below `golden/`. After a change that is meant, renew them and read the difference:

    RENEW_GOLDEN=1 uv run pytest tests/hosts/cli/test_golden.py && git diff tests/hosts/cli/golden
"""

from __future__ import annotations

import asyncio
import io
import os
import pty
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from hosts.cli.commands import COMMANDS
from hosts.cli.main import create_app
from runtime.errors import NotFoundError
from schemas.problem import Flaw
from tests.hosts.cli.toy_host import ToyHost, answered, citation, document, serving_folder
from tests.processes import AGENTRAG

GOLDEN = Path(__file__).parent / "golden"
WIDTH = 80
SECONDS = 60


def check(name: str, shown: str) -> None:
    """Compare with the golden file, or renew it when that was asked for."""
    path = GOLDEN / f"{name}.txt"
    text = "\n".join(line.rstrip() for line in shown.splitlines()).strip("\n") + "\n"
    if os.environ.get("RENEW_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.exists(), f"{path} is missing; renew the golden files as this module says"
    assert text == path.read_text()


@pytest.mark.parametrize("words", ["", *COMMANDS], ids=lambda words: words or "agentrag")
def test_help_reads_as_it_should(words: str) -> None:
    written = io.StringIO()
    console = Console(file=written, width=WIDTH, color_system=None, force_terminal=False, legacy_windows=False)
    create_app().help_print(words.split(), console=console)
    check(f"help {words}".strip().replace(" ", "-"), written.getvalue())


def test_no_golden_file_is_left_of_a_command_that_is_gone() -> None:
    helps = {"help", *(f"help {words}".replace(" ", "-") for words in COMMANDS)}
    assert {path.stem for path in GOLDEN.glob("help*.txt")} == helps


# results --------------------------------------------------------------------------------------------------------------

MANUAL = document("doc_1", "manual.pdf", title="Manual", language="en", size_bytes=12_000, sha256="ab" * 32)
FAILED = document("doc_2", "scan.pdf", status="failed", message="no EOF", version_id=None, size_bytes=900)
STAYED = document("doc_3", "year.pdf", status="processing", stage="embedding", batches=8, batches_done=3, progress=60)


@pytest.fixture
def host() -> ToyHost:
    return ToyHost(documents={one.doc_id: one for one in (MANUAL, FAILED, STAYED)})


@pytest.fixture
async def address(host: ToyHost, tmp_path: Path) -> AsyncIterator[str]:
    """The host of the data folder, and two files to hand in."""
    (tmp_path / "notes.md").write_text("# Notes")
    (tmp_path / "broken.pdf").write_text("%PDF")
    (tmp_path / "song.xyz").write_text("la")
    host.fails = {"broken.pdf": "the file ends too early"}
    async with serving_folder(host, tmp_path / "data") as base_url:
        yield base_url


async def session(command: str, folder: Path, address: str, **environ: str) -> str:
    """A command as a shell shows it: what was typed, stdout, stderr, exit code; whatever changes is masked."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTRAG_", "NO_COLOR"))}
    process = await asyncio.create_subprocess_exec(
        *(AGENTRAG, *shlex.split(command)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder,
        env=plain | {"AGENTRAG_DATA": str(folder / "data"), "COLUMNS": str(WIDTH)} | environ,
    )
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    parts = [f"$ agentrag {command}\n{out.decode()}"]
    if err:
        parts.append(f"stderr:\n{err.decode()}")
    parts.append(f"exit code: {process.returncode}\n")
    return masked("\n".join(parts), folder, address)


def masked(text: str, folder: Path, address: str) -> str:
    """`text` without what differs from run to run."""
    text = text.replace(address, "http://127.0.0.1:PORT").replace(str(folder), "FOLDER")
    text = re.sub("x{100,}", "xxx...", text)
    return re.sub(r"\bdoc_[0-9a-f]{8}\b", "doc_........", text)


CASES = {
    "ask": 'ask "What is hot?"',
    "ask-verbose": 'ask "What is hot?" --verbose',
    "ask-json": 'ask "What is hot?" --json',
    "ask-stream": 'ask "What is hot?" --stream',
    "ask-of-a-document": 'ask "What is hot?" --doc year',
    "docs-ls": "docs ls",
    "docs-ls-failed": "docs ls --status failed",
    "docs-ls-json": "docs ls manual --json",
    "docs-show": "docs show manual",
    "docs-show-json": "docs show doc_1 --json",
    "docs-rm": "docs rm manual scan.pdf",
    "docs-cancel": "docs cancel year",
    "docs-reprocess": "docs reprocess manual",
    "ingest": "ingest notes.md broken.pdf song.xyz",
    "ingest-verbose": "ingest notes.md --verbose",
    "ingest-json": "ingest notes.md --json",
    "error-no-question": "ask",
    "error-words-without-quotes": "ask What is hot",
    "error-long-question": f"ask {'x' * 501}",
    "error-no-such-document": "docs show manul.pdf",
    "error-no-such-file": "ingest none.pdf",
    "error-no-document-in-folder": "ingest data",
    "error-no-such-command": "aks",
    "error-no-such-option": "docs ls --staus failed",
    "error-no-such-status": "docs ls --status lost",
    "error-store-with-port": "serve store --port 1",
    "error-open-address": "serve retrieval --host 0.0.0.0",
}


@pytest.mark.parametrize("name", CASES)
async def test_results_read_as_they_should(name: str, address: str, tmp_path: Path) -> None:
    check(name, await session(CASES[name], tmp_path, address))


async def test_an_answer_that_the_documents_do_not_hold(host: ToyHost, address: str, tmp_path: Path) -> None:
    host.script = answered("The documents do not answer this question.", abstained=True)
    check("ask-without-answer", await session('ask "Who won?"', tmp_path, address))


async def test_two_sources_one_of_them_not_verified(host: ToyHost, address: str, tmp_path: Path) -> None:
    host.script = answered("Keep hands away [0]. It gets hot [1].")
    second = citation(1, doc="other.pdf", page=7, page_label="vii", quote="It gets hot. " * 30, verified=False)
    host.script[4] = host.script[4].model_copy(update={"citations": (citation(), second)})
    check("ask-two-sources", await session('ask "What is hot?"', tmp_path, address))


async def test_a_wrong_setting(address: str, tmp_path: Path) -> None:
    shown = await session("docs ls", tmp_path, address, AGENTRAG_LOG_LEVEL="loud")
    check("error-wrong-setting", shown)


async def test_an_error_of_the_host_with_its_flaws(host: ToyHost, address: str, tmp_path: Path) -> None:
    host.refusal = NotFoundError(
        "there is no conversation 'conv_9'", flaws=[Flaw(pointer="/conversation_id", detail="gone")]
    )
    check("error-of-the-host", await session('ask "And then?" --conversation conv_9', tmp_path, address))


async def test_a_terminal(address: str, tmp_path: Path) -> None:
    """Escapes are shown as `ESC`; the timeline, links and what to do next are there."""
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_HYPERLINK"}}
    process = await asyncio.create_subprocess_exec(
        *(AGENTRAG, "ask", "What is hot?", "--data", str(tmp_path / "data")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environ | {"TERM": "xterm-256color", "COLUMNS": str(WIDTH)},
    )
    os.close(theirs)
    shown = await asyncio.to_thread(read_all, ours)
    async with asyncio.timeout(SECONDS):
        await process.wait()
    text = masked(shown.decode().replace("\r\n", "\n"), tmp_path, address)
    check(
        "ask-terminal", text.replace("\033]8;;", "<ESC link>").replace("\033\\", "<ESC end>").replace("\033", "<ESC>")
    )


def read_all(terminal: int) -> bytes:
    """What is written to a terminal until its writers have gone."""
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            os.close(terminal)
            return b"".join(pieces)
        pieces.append(piece)
