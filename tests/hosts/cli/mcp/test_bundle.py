"""`agentrag mcp bundle`: what is in it, and the launcher that it carries."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from zipfile import ZipFile

import pytest

from hosts.cli.console import Exit
from hosts.cli.mcp.bundle import bundle, manifest, packed
from hosts.cli.mcp.launcher import COMMAND, DATA, MISSING, command, main, places, setting
from runtime.errors import ConflictError, InvalidInputError
from tests.processes import AGENTRAG


def described(path: Path) -> dict[str, object]:
    with ZipFile(path) as zipped:
        found: dict[str, object] = json.loads(zipped.read("manifest.json"))
    return found


def test_a_bundle_holds_a_manifest_and_the_launcher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "dist" / "agentrag.mcpb"
    assert bundle(out=out, as_json=True, data=tmp_path) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["file"], told["bytes"]) == (str(out), out.stat().st_size)
    with ZipFile(out) as zipped:
        assert zipped.namelist() == ["manifest.json", "server/main.py"]
    settings = described(out)["user_config"]
    assert isinstance(settings, dict)
    assert (settings["command"]["default"], settings["data"]["default"]) == (AGENTRAG, str(tmp_path))
    assert list(out.parent.iterdir()) == [out]


def test_a_portable_bundle_names_no_path_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "agentrag.mcpb"
    assert bundle(out=out, portable=True) == Exit.OK
    assert str(out) in capsys.readouterr().out
    assert "default" not in json.dumps(described(out))


def test_the_same_bundle_has_the_same_bytes() -> None:
    one, other = (packed(manifest("1.2.3", {"command": "/x"})) for _ in range(2))
    assert one == other
    assert ZipFile(io.BytesIO(one)).testzip() is None


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"does not end in \.mcpb"):
        bundle(out=tmp_path / "agentrag.zip")
    with pytest.raises(InvalidInputError, match="leave one of them out"):
        bundle(out=tmp_path / "a.mcpb", portable=True, data=tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConflictError, match="choose another --out"):
        bundle(out=tmp_path / "file" / "a.mcpb")


# the launcher ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"), [("", None), (" ", None), ("${user_config.data}", None), ("/srv", "/srv"), (" /a b ", "/a b")]
)
def test_a_setting_that_was_left_empty_is_none(value: str, found: str | None) -> None:
    assert setting({DATA: value}, DATA) == found
    assert setting({}, DATA) is None


def test_the_command_is_where_the_user_says_then_on_the_path(tmp_path: Path) -> None:
    for name in ("told", "path"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "agentrag").write_text("#!/bin/sh\n")
        (tmp_path / name / "agentrag").chmod(0o755)
    environ = {COMMAND: str(tmp_path / "told" / "agentrag"), "PATH": str(tmp_path / "path"), DATA: "/srv"}
    assert command(environ) == [environ[COMMAND], "mcp", "stdio", "--data", "/srv"]
    assert command({**environ, COMMAND: "${user_config.command}", DATA: ""}) == [
        str(tmp_path / "path" / "agentrag"),
        "mcp",
        "stdio",
    ]
    assert command({**environ, COMMAND: str(tmp_path / "gone")}) is not None
    assert os.path.expanduser("~/.local/bin/agentrag") in places({"PATH": ""})


def test_without_agentrag_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main([str(tmp_path / "agentrag")]) == MISSING
    told = capsys.readouterr().err
    assert "Run `uv tool install agentrag`" in told
    assert str(tmp_path / "agentrag") in told
