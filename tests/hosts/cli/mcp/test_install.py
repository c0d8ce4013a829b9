"""`agentrag mcp install` on configuration files of a made-up home."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from hosts.cli.mcp.configuration import Configuration
from hosts.cli.mcp.install import program, served
from runtime.errors import ConflictError, InvalidInputError
from tests.processes import AGENTRAG
from tests.serving import serving
from tests.toy import Toy

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FILES = {
    "claude-desktop": ".config/Claude/claude_desktop_config.json",
    "claude-code": ".claude.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".config/Code/User/mcp.json",
    "gemini": ".gemini/settings.json",
    "goose": ".config/goose/config.yaml",
}
KEYS = {"vscode": "servers", "goose": "extensions"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "project").mkdir(parents=True)
    return tmp_path / "home"


def installed(home: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """`agentrag mcp install ...` in a project of a user whose home is `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CLAUDE_", "AGENTRAG_"))}
    return subprocess.run(
        [AGENTRAG, "mcp", "install", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=home / "project",
        env={**kept, "HOME": str(home), "APPDATA": str(home), **environ},
    )


def entry(home: Path, client: str, name: str = "agentrag") -> dict[str, Any] | None:
    text = (home / FILES[client]).read_text()
    held = yaml.safe_load(text) if client == "goose" else json.loads(text)
    found: dict[str, Any] | None = held[KEYS.get(client, "mcpServers")].get(name)
    return found


def everything(home: Path) -> dict[str, bytes]:
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("client", FILES)
def test_an_entry_comes_and_goes(home: Path, client: str) -> None:
    put = installed(home, client)
    assert put.returncode == 0, put.stderr
    assert put.stdout == f"Put agentrag into {home / FILES[client]}.\n"
    found = entry(home, client)
    assert found is not None
    assert (found.get("command") or found["cmd"], found["args"]) == (AGENTRAG, ["mcp", "stdio"])
    once = everything(home)
    again = installed(home, client)
    assert again.stdout.startswith("Nothing to change")
    assert everything(home) == once
    assert installed(home, client, "--remove").stdout.startswith("Took agentrag out of")
    assert entry(home, client) is None
    assert installed(home, client, "--remove").stdout.startswith("Nothing to change")


@pytest.mark.parametrize("client", FILES)
def test_an_address_is_written_where_the_client_takes_one(home: Path, client: str) -> None:
    done = installed(home, client, "--url", "https://rag.example.org/mcp", "--header", "X-Key: ${KEY}")
    assert done.returncode == 0, done.stderr
    found = entry(home, client)
    assert found is not None
    if client == "claude-desktop":
        assert found["args"] == ["mcp", "bridge", "https://rag.example.org/mcp", "--header", "X-Key: ${KEY}"]
    else:
        address = {"goose": "uri", "gemini": "httpUrl"}.get(client, "url")
        assert found[address] == "https://rag.example.org/mcp"
        assert list(found["headers"]) == ["X-Key"]
    assert installed(home, client).returncode == 0
    assert "mcp" in (entry(home, client) or {})["args"]


def test_other_entries_comments_and_keys_stay(home: Path) -> None:
    file = home / FILES["vscode"]
    file.parent.mkdir(parents=True)
    text = '{\n\t// mine\n\t"inputs": [],\n\t"servers": {\n\t\t"git": {"command": "git-mcp"}, // dear to me\n\t},\n}\n'
    file.write_text(text)
    file.chmod(0o640)
    done = installed(home, "vscode", "--json")
    told = json.loads(done.stdout)
    assert (told["changed"], told["file"], done.stderr) == (True, str(file), "")
    after = file.read_text()
    assert all(line in after for line in text.splitlines())
    assert '"agentrag": {' in after
    backup = Path(told["backup"])
    assert backup.read_text() == text
    assert backup.parent == file.parent
    assert {path.stat().st_mode & 0o777 for path in (file, backup)} == {0o640}
    assert len(list(file.parent.iterdir())) == 2


def test_a_dry_run_shows_the_change_and_writes_nothing(home: Path) -> None:
    file = home / FILES["goose"]
    file.parent.mkdir(parents=True)
    file.write_text("GOOSE_MODEL: small # cheap\nextensions:\n  developer:\n    enabled: true\n")
    before = everything(home)
    shown = installed(home, "goose", "--dry-run")
    assert shown.stdout.startswith(f"--- {file}\n+++ {file} (new)\n")
    assert "\n+  agentrag:\n" in shown.stdout
    assert "\n-" not in shown.stdout
    assert shown.stderr == "Nothing was written.\n"
    assert "diff" in json.loads(installed(home, "goose", "--dry-run", "--json").stdout)
    assert installed(home, "cursor", "--dry-run").returncode == 0
    assert everything(home) == before


def test_a_file_that_cannot_be_parsed_is_left_alone(home: Path) -> None:
    for client, text in (("cursor", '{\n  "mcpServers": {\n'), ("goose", "extensions:\n  a: [1\n")):
        file = home / FILES[client]
        file.parent.mkdir(parents=True)
        file.write_text(text)
        for more in ((), ("--remove",), ("--dry-run",)):
            done = installed(home, client, *more)
            assert (done.returncode, done.stdout) == (1, "")
            assert f"{file}, line 3, column 1: " in done.stderr
            assert "mend the file" in done.stderr
        assert file.read_text() == text
        assert list(file.parent.iterdir()) == [file]


def test_an_entry_of_that_name_that_is_another_server_is_not_touched(home: Path) -> None:
    file = home / FILES["cursor"]
    file.parent.mkdir(parents=True)
    file.write_text('{"mcpServers": {"agentrag": {"command": "npx", "args": ["something"]}}}')
    before = everything(home)
    refused = installed(home, "cursor")
    assert refused.returncode == 1
    assert "choose another --name" in refused.stderr
    assert installed(home, "cursor", "--remove").returncode == 1
    assert everything(home) == before
    assert installed(home, "cursor", "--name", "papers").returncode == 0
    assert (entry(home, "cursor") or {})["command"] == "npx"
    assert entry(home, "cursor", "papers") is not None


def test_project_files_and_folders_of_data_are_named(home: Path) -> None:
    done = installed(home, "claude-code", "--scope", "project", "--data", "library")
    assert done.returncode == 0, done.stderr
    found = json.loads((home / "project" / ".mcp.json").read_text())["mcpServers"]["agentrag"]
    assert found["args"] == ["mcp", "stdio", "--data", str(home / "project" / "library")]
    installed(home, "cursor", AGENTRAG_DATA="/srv/library")
    assert (entry(home, "cursor") or {})["args"][2:] == ["--data", "/srv/library"]


def test_json_prints_the_entry_and_writes_nothing(home: Path) -> None:
    done = installed(home, "json", "--name", "papers")
    assert json.loads(done.stdout) == {"mcpServers": {"papers": {"command": AGENTRAG, "args": ["mcp", "stdio"]}}}
    assert everything(home) == {}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("cursor", "--name", "two words"), "other characters"),
        (("cursor", "--url", "nowhere"), "is no address"),
        (("cursor", "--header", "A: b"), "--header goes with --url"),
        (("cursor", "--url", "http://h/mcp", "--header", "b"), "is not 'Name: value'"),
        (("cursor", "--url", "http://h/mcp", "--data", "x"), "leave it out with --url"),
        (("cursor", "--remove", "--url", "http://h/mcp"), "--remove needs no --url"),
        (("json", "--remove"), "nothing to --remove"),
        (("goose", "--scope", "project"), "use --scope user"),
        (("emacs",), "Invalid value"),
    ],
)
def test_wrong_usage_is_told_and_nothing_written(home: Path, words: tuple[str, ...], told: str) -> None:
    done = installed(home, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert everything(home) == {}


async def test_what_is_installed_runs(home: Path, tmp_path: Path) -> None:
    from runtime.settings import Settings

    async with serving(Toy(Settings(data=tmp_path / "data", log_level="ERROR")).agent.app()) as base_url:
        installed(home, "claude-desktop", "--url", f"{base_url}/mcp")
        found = entry(home, "claude-desktop")
        assert found is not None
        started = StdioServerParameters(command=found["command"], args=found["args"], env=dict(os.environ))
        async with Client(stdio_client(started)) as client:
            said = await client.call_tool("say", {"query": "hello"})
    assert said.structured_content is not None
    assert said.structured_content["text"] == "hello"


# files ----------------------------------------------------------------------------------------------------------------


def changed(path: Path) -> tuple[Configuration, str]:
    file = Configuration.read(path, "json")
    return file, file.with_entry("servers", "ours", {"command": "/x", "args": ["mcp", "stdio"]})


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks_stay(tmp_path: Path, ends: str, mark: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes((mark + f'{{{ends}  "a": 1{ends}}}{ends}').encode())
    file, after = changed(path)
    file.replace(after, NOW)
    written = path.read_bytes().decode()
    assert written.startswith(f'{mark}{{{ends}  "a": 1,{ends}  "servers": {{{ends}')
    assert written.count("\n") == written.count(ends)


def test_copies_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("{}")
    file, after = changed(path)
    first = file.replace(after, NOW)
    file = Configuration.read(path, "json")
    second = file.replace(file.without_entry("servers", "ours"), NOW)
    assert (first, second) == (
        tmp_path / "mcp.json.20260302T093000Z.bak",
        tmp_path / "mcp.json.20260302T093000Z-1.bak",
    )
    assert first is not None
    assert first.read_text() == "{}"


def test_a_link_stays_a_link_and_a_new_file_is_private(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    path = tmp_path / "mcp.json"
    path.symlink_to(tmp_path / "dotfiles" / "mcp.json")
    file, after = changed(path)
    assert file.replace(after, NOW) is None
    assert path.is_symlink()
    target = tmp_path / "dotfiles" / "mcp.json"
    assert json.loads(target.read_text())["servers"]["ours"]["command"] == "/x"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mcp.json"
    path.write_text("{}")
    file, after = changed(path)
    path.write_text('{"new": 1}')
    with pytest.raises(ConflictError, match="has changed just now"):
        file.replace(after, NOW)
    assert path.read_text() == '{"new": 1}'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{\xff}", r"is no UTF-8 text \(byte 1\)"),
        (b'{"servers": 1}', "servers is no object; mend it"),
        (b"[]", "is no object"),
        (b'{"servers": {"ours": {"url": "a"}, "ours": {"url": "b"}}}', "in a way that we would damage"),
    ],
)
def test_odd_files_are_refused_and_left_alone(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "mcp.json"
    path.write_bytes(content)
    with pytest.raises(ConflictError, match=words):
        Configuration.read(path, "json").without_entry("servers", "ours")
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConflictError, match="make it a readable file"):
        Configuration.read(tmp_path, "json")
    with pytest.raises(ConflictError, match="cannot be read"):
        Configuration.read(tmp_path / "file" / "mcp.json", "json")
    file, after = changed(tmp_path / "new" / "mcp.json")
    (tmp_path / "new").write_text("in the way")
    with pytest.raises(ConflictError, match="cannot be written"):
        file.replace(after, NOW)


def test_yaml_with_a_list_on_top_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("- 1\n")
    with pytest.raises(ConflictError, match="holds no object"):
        Configuration.read(path, "yaml").without_entry("extensions", "ours")


def test_the_program_is_the_installed_script() -> None:
    assert program() == AGENTRAG
    with pytest.raises(InvalidInputError, match="--header goes with --url"):
        served(None, ["A: b"], None, takes_urls=True)
