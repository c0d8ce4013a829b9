"""Sockets lie where only their owner reaches them, however long the name of the folder."""

import asyncio
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from runtime.errors import SettingsError
from runtime.vectors.place import LONGEST_PATH, bind, embedded_socket, runtime_folder, short


def test_only_the_owner_reaches_a_socket(tmp_path: Path) -> None:
    path = tmp_path / "new" / "store.sock"
    with bind(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_folder_for_sockets_is_private() -> None:
    assert stat.S_IMODE(runtime_folder().stat().st_mode) == 0o700


def test_a_folder_that_others_can_open_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as given:
        monkeypatch.setenv("XDG_RUNTIME_DIR", given)
        assert runtime_folder() == Path(given) / "agentrag"
        runtime_folder().chmod(0o755)
        with pytest.raises(SettingsError, match="XDG_RUNTIME_DIR"):
            runtime_folder()


def test_a_folder_that_cannot_be_made_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as given:
        monkeypatch.setenv("XDG_RUNTIME_DIR", given)
        (Path(given) / "agentrag").write_text("in the way")
        with pytest.raises(SettingsError, match="TMPDIR"):
            runtime_folder()


def test_a_place_that_cannot_be_used_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for given in (str(tmp_path / "missing"), "/x" * LONGEST_PATH, ""):
        monkeypatch.setenv("XDG_RUNTIME_DIR", given)
        assert Path(tempfile.gettempdir()) in runtime_folder().parents


def test_long_paths_are_replaced_by_short_ones_of_their_own(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120) / "store.sock"
    assert short(tmp_path / "s") == tmp_path / "s"
    assert len(bytes(short(long))) <= LONGEST_PATH
    assert short(long) == short(long)
    assert short(long) != short(long.with_name("other.sock"))
    assert len(bytes(embedded_socket(long))) <= LONGEST_PATH


def test_what_a_dead_store_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    bind(path).close()
    assert path.exists()
    with bind(path) as listening:
        listening.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("dear diary")
    with pytest.raises(SettingsError, match="no socket"):
        bind(path)
    assert path.read_text() == "dear diary"


async def test_a_socket_that_somebody_listens_at_is_refused(tmp_path: Path) -> None:
    with bind(tmp_path / "s") as listening:
        listening.listen()
        with pytest.raises(SettingsError, match="another store"):
            await asyncio.to_thread(bind, tmp_path / "s")
