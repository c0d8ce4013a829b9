"""Where clients keep their configuration, as a table; and what they read there."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from hosts.cli.mcp.entries import CLIENTS, Remote, Started, entry_of, is_ours, merged
from hosts.cli.mcp.places import ClientName, Machine, Scope, configuration_of
from runtime.errors import InvalidInputError

MAC = Machine("darwin", PurePosixPath("/Users/ada"), PurePosixPath("/Users/ada/mill"), {})
LINUX = Machine("linux", PurePosixPath("/home/ada"), PurePosixPath("/home/ada/mill"), {})
WINDOWS = Machine(
    "win32",
    PureWindowsPath(r"C:\Users\ada"),
    PureWindowsPath(r"D:\mill"),
    {"APPDATA": r"C:\Users\ada\AppData\Roaming", "LOCALAPPDATA": r"C:\Users\ada\AppData\Local"},
)


def machine(of: Machine, packages: tuple[str, ...] = (), **environ: str) -> Machine:
    return Machine(of.system, of.home, of.project, {**of.environ, **environ}, packages)


@pytest.mark.parametrize(
    ("client", "scope", "on", "place"),
    [
        ("claude-desktop", "user", MAC, "/Users/ada/Library/Application Support/Claude/claude_desktop_config.json"),
        ("claude-desktop", "user", LINUX, "/home/ada/.config/Claude/claude_desktop_config.json"),
        ("claude-desktop", "user", machine(LINUX, XDG_CONFIG_HOME="/cfg"), "/cfg/Claude/claude_desktop_config.json"),
        ("claude-desktop", "user", WINDOWS, r"C:\Users\ada\AppData\Roaming\Claude\claude_desktop_config.json"),
        (
            "claude-desktop",
            "user",
            machine(WINDOWS, ("Claude_pzs8sxrjxfjjc",)),
            r"C:\Users\ada\AppData\Local\Packages\Claude_pzs8sxrjxfjjc\LocalCache\Roaming\Claude"
            r"\claude_desktop_config.json",
        ),
        ("claude-code", "user", MAC, "/Users/ada/.claude.json"),
        ("claude-code", "user", LINUX, "/home/ada/.claude.json"),
        ("claude-code", "user", machine(LINUX, CLAUDE_CONFIG_DIR="/cfg"), "/cfg/.claude.json"),
        ("claude-code", "user", WINDOWS, r"C:\Users\ada\.claude.json"),
        ("claude-code", "project", LINUX, "/home/ada/mill/.mcp.json"),
        ("cursor", "user", MAC, "/Users/ada/.cursor/mcp.json"),
        ("cursor", "user", WINDOWS, r"C:\Users\ada\.cursor\mcp.json"),
        ("cursor", "project", WINDOWS, r"D:\mill\.cursor\mcp.json"),
        ("vscode", "user", MAC, "/Users/ada/Library/Application Support/Code/User/mcp.json"),
        ("vscode", "user", LINUX, "/home/ada/.config/Code/User/mcp.json"),
        ("vscode", "user", WINDOWS, r"C:\Users\ada\AppData\Roaming\Code\User\mcp.json"),
        ("vscode", "project", LINUX, "/home/ada/mill/.vscode/mcp.json"),
        ("gemini", "user", LINUX, "/home/ada/.gemini/settings.json"),
        ("gemini", "project", MAC, "/Users/ada/mill/.gemini/settings.json"),
        ("goose", "user", MAC, "/Users/ada/.config/goose/config.yaml"),
        ("goose", "user", LINUX, "/home/ada/.config/goose/config.yaml"),
        ("goose", "user", WINDOWS, r"C:\Users\ada\AppData\Roaming\Block\goose\config\config.yaml"),
    ],
)
def test_each_client_has_its_file(client: ClientName, scope: Scope, on: Machine, place: str) -> None:
    found: PurePath = configuration_of(client, scope, on)
    assert str(found) == place


def test_windows_folders_have_defaults() -> None:
    bare = Machine("win32", WINDOWS.home, WINDOWS.project, {})
    assert str(bare.roaming) == WINDOWS.environ["APPDATA"]
    assert str(bare.local) == WINDOWS.environ["LOCALAPPDATA"]


@pytest.mark.parametrize("client", ["claude-desktop", "goose"])
def test_clients_without_project_files_say_so(client: ClientName) -> None:
    with pytest.raises(InvalidInputError, match="use --scope user"):
        configuration_of(client, "project", LINUX)


def test_this_machine_is_known() -> None:
    assert Machine.this().home == Path.home()


# entries --------------------------------------------------------------------------------------------------------------

RUN = Started("/opt/agentrag", ("mcp", "stdio"))
SECRET = Remote("https://rag.example.org/mcp", {"Authorization": "Bearer ${TOKEN}"})
COMMAND = {"command": "/opt/agentrag", "args": ["mcp", "stdio"]}


@pytest.mark.parametrize(
    ("client", "server", "entry"),
    [
        ("claude-desktop", RUN, COMMAND),
        ("claude-code", RUN, {"type": "stdio", **COMMAND}),
        ("cursor", RUN, COMMAND),
        ("vscode", RUN, {"type": "stdio", **COMMAND}),
        ("gemini", RUN, COMMAND),
        ("json", RUN, COMMAND),
        (
            "claude-code",
            SECRET,
            {"type": "http", "url": SECRET.url, "headers": {"Authorization": "Bearer ${TOKEN}"}},
        ),
        ("cursor", SECRET, {"url": SECRET.url, "headers": {"Authorization": "Bearer ${env:TOKEN}"}}),
        (
            "vscode",
            SECRET,
            {"type": "http", "url": SECRET.url, "headers": {"Authorization": "Bearer ${env:TOKEN}"}},
        ),
        ("gemini", SECRET, {"httpUrl": SECRET.url, "headers": {"Authorization": "Bearer ${TOKEN}"}}),
        ("json", Remote("http://localhost/mcp", {}), {"type": "http", "url": "http://localhost/mcp"}),
    ],
)
def test_each_client_gets_an_entry_that_it_reads(client: Any, server: Started | Remote, entry: dict[str, Any]) -> None:
    assert entry_of(client, "agentrag", server) == entry
    assert is_ours(entry)


def test_goose_gets_an_extension() -> None:
    run, remote = entry_of("goose", "rag", RUN), entry_of("goose", "rag", SECRET)
    assert (run["type"], run["name"], run["cmd"], run["args"]) == ("stdio", "rag", "/opt/agentrag", ["mcp", "stdio"])
    assert (remote["type"], remote["uri"]) == ("streamable_http", SECRET.url)
    assert all(entry["enabled"] and entry["timeout"] == 300 for entry in (run, remote))
    assert is_ours(run)
    assert is_ours(remote)


@pytest.mark.parametrize("entry", [None, "x", [], {}, {"command": "npx", "args": ["other"]}, {"command": "agentrag"}])
def test_other_entries_are_not_ours(entry: object) -> None:
    assert not is_ours(entry)


def test_what_the_user_changed_stays_and_how_the_server_is_reached_is_renewed() -> None:
    old = {"command": "/old/agentrag", "args": ["mcp", "stdio"], "env": {"A": "1"}, "disabled": True}
    new = {"url": "http://localhost/mcp", "timeout": 5}
    assert merged(old, new) == {"url": "http://localhost/mcp", "timeout": 5, "env": {"A": "1"}, "disabled": True}
    assert merged(None, new) == new


def test_every_client_has_a_title_and_a_hint() -> None:
    assert {client.format for client in CLIENTS.values()} == {"json", "yaml"}
    assert all(client.title and client.hint.endswith(".") for client in CLIENTS.values())
