"""The commands as people type them, against a host that serves the data folder."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hosts.cli.ask import ask
from hosts.cli.console import Exit
from hosts.cli.docs import ls, reprocess, rm, show
from hosts.cli.federation import settings_of
from hosts.cli.ingest import ingest
from hosts.cli.serve import store_folder
from hosts.cli.up import banner
from runtime.errors import ConflictError, InvalidInputError, SettingsError
from runtime.settings import Settings
from tests.hosts.cli.toy_host import QUERY_ID, ToyHost, answered, document, serving_folder

MANUAL = document("doc_1", "manual.pdf", title="Manual", language="en", size_bytes=12_000)
SECONDS = 60
COMMAND = [sys.executable, "-c", "from hosts.cli.main import main; main()"]


@pytest.fixture
def host() -> ToyHost:
    return ToyHost(documents={"doc_1": MANUAL})


@pytest.fixture
async def data(host: ToyHost, tmp_path: Path) -> AsyncIterator[Path]:
    async with serving_folder(host, tmp_path / "data"):
        yield tmp_path / "data"


def typed(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command without a host."""
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=SECONDS, check=False, env=os.environ | environ
    )


# asking ---------------------------------------------------------------------------------------------------------------


async def test_ask_passes_its_filters_on(host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = await ask(
        " What is hot? ",
        doc=["manual"],
        since=date(2026, 1, 1),
        until=date(2026, 12, 31),
        language=["en"],
        conversation="conv_1",
        data=data,
    )
    assert code == Exit.OK
    asked = host.queries[0]
    assert (asked["query"], asked["conversation_id"]) == ("What is hot?", "conv_1")
    assert asked["filters"] == {
        "doc_ids": ["doc_1"],
        "languages": ["en"],
        "since": "2026-01-01",
        "until": "2026-12-31",
        "titles": [],
        "authors": [],
        "media_types": [],
    }
    assert capsys.readouterr().out.startswith("Keep hands away [0].\n\nSources:\n[0] manual.pdf, page 2")


async def test_ask_prints_the_run_as_one_json_value(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ask("What is hot?", as_json=True, data=data) == Exit.OK
    out, err = capsys.readouterr()
    assert json.loads(out)["answer"] == "Keep hands away [0]."
    assert err == ""


async def test_ask_streams_each_event_as_a_line_of_json(
    host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ask("What is hot?", stream=True, verbose=True, data=data) == Exit.OK
    out, err = capsys.readouterr()
    assert [json.loads(line)["event"] for line in out.splitlines()] == [event.event for event in host.script]
    assert err == "retrieval  Found 5 chunks  0.21 s\n"


async def test_ask_tells_when_the_documents_do_not_answer(host: ToyHost, data: Path) -> None:
    host.script = answered("No answer.", abstained=True)
    for how in ({}, {"as_json": True}, {"stream": True}):
        assert await ask("What is hot?", data=data, **how) == Exit.NO_ANSWER


async def test_ask_warns_of_a_document_that_is_not_searchable_yet(
    host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host.documents["doc_1"] = MANUAL.model_copy(update={"version_id": None, "status": "processing"})
    await ask("What is hot?", doc=["doc_1"], data=data)
    assert "warning: manual.pdf is not searchable yet (processing)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("question", "more", "words"),
    [
        (" ", {}, "has 0 characters"),
        ("x" * 501, {}, "has 501 characters; write 1 to 500"),
        ("What?", {"as_json": True, "stream": True}, "choose one"),
        ("What?", {"since": date(2026, 2, 1), "until": date(2026, 1, 1)}, "no document is between"),
        ("What?", {"conversation": "c" * 65}, "--conversation"),
        ("What?", {"language": ["en"] * 21}, "languages: .*name fewer"),
    ],
)
async def test_a_wrong_question_is_told_before_anything_starts(
    tmp_path: Path, question: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInputError, match=words):
        await ask(question, data=tmp_path / "none", **more)
    assert not (tmp_path / "none").exists()


# documents ------------------------------------------------------------------------------------------------------------


async def test_ingest_tells_what_became_of_each_file(
    host: ToyHost, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.txt").write_text("good")
    (tmp_path / "in" / "bad.txt").write_text("bad")
    host.fails = {"bad.txt": "no EOF"}
    assert await ingest([tmp_path / "in"], data=data) == Exit.FAILED
    heads, bad, good = capsys.readouterr().out.splitlines()
    assert heads.split() == ["ID", "NAME", "STATE"]
    assert bad.endswith("failed: no EOF")
    assert good.endswith("ready, 8 pages, 31 chunks")


async def test_ingest_without_waiting_prints_json_and_succeeds(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good.txt").write_text("good")
    assert await ingest([tmp_path / "good.txt"], no_wait=True, as_json=True, data=data) == Exit.OK
    (only,) = json.loads(capsys.readouterr().out)["documents"]
    assert (only["name"], only["new"], only["error"]) == ("good.txt", True, None)


async def test_documents_are_listed(host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await ls(data=data) == Exit.OK
    heads, line = capsys.readouterr().out.splitlines()
    assert heads.split() == ["ID", "NAME", "STATE", "SIZE", "ADDED"]
    assert line.split("  ") == ["doc_1", "manual.pdf", "ready, 8 pages, 31 chunks", "12 kB", "2026-03-02 09:30"]
    assert await ls(status="failed", as_json=True, data=data) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {"documents": []}
    assert await ls(status="failed", data=data) == Exit.OK
    assert capsys.readouterr().out == ""


async def test_a_document_is_shown_by_name(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await show("manual", data=data) == Exit.OK
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told["id"] == "doc_1"
    assert told["title"] == "Manual"
    assert "author" not in told
    await show("doc_1", as_json=True, data=data)
    assert json.loads(capsys.readouterr().out)["filename"] == "manual.pdf"


async def test_documents_are_removed(host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.documents["doc_2"] = document("doc_2", "other.pdf")
    assert await rm(["manual.pdf"], data=data) == Exit.OK
    assert capsys.readouterr().out == "removed manual.pdf (doc_1, 31 chunks)\n"
    assert await rm(["doc_2"], as_json=True, data=data) == Exit.OK
    assert json.loads(capsys.readouterr().out) == {"removed": [{"doc_id": "doc_2", "chunks": 31}]}
    assert host.documents == {}


async def test_nothing_is_removed_when_a_name_means_two(host: ToyHost, data: Path) -> None:
    host.documents["doc_2"] = document("doc_2", "manual.pdf")
    with pytest.raises(ConflictError, match="doc_1, doc_2"):
        await rm(["manual.pdf"], data=data)
    assert len(host.documents) == 2


async def test_documents_are_reprocessed(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await reprocess(["manual"], data=data) == Exit.OK
    assert "ready, 8 pages" in capsys.readouterr().out


# typed in a shell -----------------------------------------------------------------------------------------------------


def test_listing_the_commands_loads_none_of_them() -> None:
    heavy = ["fastmcp", "a2a", "mcp", "onnxruntime", "sqlalchemy", "pydantic", "httpx", "rich.progress", "starlette"]
    script = (
        "import sys\nfrom hosts.cli.main import main\nsys.argv = ['agentrag', '--help']\n"
        f"try:\n    main()\nfinally:\n    print('loaded:', [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
    for command in ("demo", "up", "ingest", "ask", "serve", "docs"):
        assert f" {command} " in done.stdout


def test_the_version_is_the_installed_one() -> None:
    from importlib.metadata import version

    assert typed("--version").stdout.strip() == version("agentrag")


@pytest.mark.parametrize(
    "words",
    [
        ("ask",),
        ("ask", "x", "--since", "yesterday"),
        ("ask", "x" * 501),
        ("dance",),
        ("ingest", "/no/such/file"),
        ("serve", "nothing"),
        ("serve", "store", "--port", "1"),
        ("serve", "retrieval", "--host", "0.0.0.0"),
        ("up", "--port", "70000"),
        ("docs", "ls", "--status", "odd"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_wrong_usage_gives_2_and_no_traceback(words: tuple[str, ...], tmp_path: Path) -> None:
    done = typed(*words, AGENTRAG_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_named_and_its_value_is_not(tmp_path: Path) -> None:
    done = typed("docs", "ls", AGENTRAG_DATA=str(tmp_path), AGENTRAG_LOG_LEVEL="hush-hush")
    assert done.returncode == Exit.USAGE
    assert done.stderr.startswith("error: AGENTRAG_LOG_LEVEL: ")
    assert "hush-hush" not in done.stderr
    assert typed("docs", "ls", AGENTRAG_DATA=str(tmp_path), AGENTRAG_ALLOWED_HOSTS="a,b").returncode == Exit.USAGE


async def test_ctrl_c_cancels_the_run_and_leaves_with_130(host: ToyHost, data: Path) -> None:
    host.ends = False
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "ask", "What?", "--data", str(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        await host.waiting.wait()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert err == b""
    assert host.cancelled == [QUERY_ID]


async def test_a_terminal_gets_the_timeline_and_links_to_pages(host: ToyHost, data: Path) -> None:
    ours, theirs = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "ask", "What?", "--data", str(data), stdout=theirs, stderr=theirs, env=environ
    )
    os.close(theirs)
    shown = await asyncio.to_thread(_read_all, ours)
    async with asyncio.timeout(SECONDS):
        assert await process.wait() == 0
    assert "retrieval  Found 5 chunks" in shown
    assert "/v1/documents/doc_1/pages/2/image\033\\[0]\033]8;;\033\\." in shown
    assert "/v1/documents/doc_1/pages/2/image?quote=Keep" in shown
    assert "Go on with: --conversation conv_1" in shown


def _read_all(terminal: int) -> str:
    """What is written to a terminal until its writers have gone."""
    pieces = []
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            os.close(terminal)
            return b"".join(pieces).decode()
        pieces.append(piece)


async def test_a_reader_that_has_enough_ends_the_command_quietly(data: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "docs", "ls", "--data", str(data), stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    async with asyncio.timeout(SECONDS):
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
async def test_a_stream_that_the_shell_closed_is_no_fault(data: Path, closed: str) -> None:
    command = f"{shlex.join(COMMAND)} docs ls --data {shlex.quote(str(data))} {closed}"
    process = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert (b"manual.pdf" in out) == (closed != ">&-")


async def test_an_answer_whose_reader_has_enough_ends_quietly(host: ToyHost, data: Path) -> None:
    host.script = answered("Keep hands away [0]. " * 20_000)
    command = f"{shlex.join(COMMAND)} ask What? --stream --data {shlex.quote(str(data))} | head -n 1"
    process = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    async with asyncio.timeout(SECONDS):
        out, err = await process.communicate()
    assert (json.loads(out)["event"], err) == ("accepted", b"")


async def test_the_store_says_where_it_listens_and_ends_with_0(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND, "serve", "store", "--data", str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        told = (await process.stderr.readline()) + (await process.stderr.readline())
        assert f"AGENTRAG_VECTORS_URL=store:{tmp_path / 'vectors.sock'}" in told.decode()
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


# rules ----------------------------------------------------------------------------------------------------------------


def test_commands_are_quiet_unless_the_user_set_a_level(tmp_path: Path) -> None:
    assert settings_of(tmp_path, quiet=True).log_level == "ERROR"
    assert settings_of(tmp_path, quiet=False).log_level == "INFO"
    assert settings_of(tmp_path, quiet=True).data == tmp_path


def test_a_store_serves_only_an_embedded_folder(tmp_path: Path) -> None:
    assert store_folder(Settings(data=tmp_path)) == tmp_path / "vectors"
    with pytest.raises(InvalidInputError, match="unset it here"):
        store_folder(Settings(data=tmp_path, vectors_url="store:/x.sock"))


def test_the_banner_tells_where_everything_is(tmp_path: Path) -> None:
    text = banner("http://127.0.0.1:8000", tmp_path, ["retrieval", "citation"], option=" --data D")
    assert "HTTP API           http://127.0.0.1:8000/v1" in text
    assert "MCP, citation      http://127.0.0.1:8000/agents/citation/mcp" in text
    assert 'agentrag ask "What are the safety warnings?" --data D' in text


def test_an_unreadable_list_setting_is_told_with_the_way_to_write_it() -> None:
    environ = dict(os.environ)
    try:
        os.environ["AGENTRAG_ALLOWED_HOSTS"] = "a,b"
        with pytest.raises(SettingsError, match="lists are written as JSON"):
            settings_of(None, quiet=True)
    finally:
        os.environ.clear()
        os.environ.update(environ)
