"""A folder of blobs: its owner's alone, small in memory, clean after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.blobs.object_store import ObjectBlobs
from runtime.errors import NotFoundError, SettingsError, StoreUnavailableError

SECONDS = 60
UPLOAD = """
import asyncio, pathlib, resource, sys
from runtime.blobs.object_store import ObjectBlobs

async def upload(pieces, wait):
    for number in range(pieces):
        yield bytes(1_000_000)
        if number == 20:
            print("under way", flush=True)
        if wait and number > 20:
            await asyncio.sleep(60)

async def main():
    blobs = ObjectBlobs.folder(pathlib.Path(sys.argv[1]))
    await blobs.put("acme/d0/warm", bytes(1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(await blobs.put("acme/d1/a", upload(int(sys.argv[2]), sys.argv[3] == "wait")))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)

asyncio.run(main())
"""


def uploading(folder: Path, pieces: int, how: str) -> subprocess.Popen[str]:
    """A program that uploads `pieces` million bytes."""
    command = [sys.executable, "-c", UPLOAD, str(folder), str(pieces), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def files(folder: Path) -> list[str]:
    """Everything below a folder."""
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*"))


def test_a_long_stream_takes_little_memory(tmp_path: Path) -> None:
    said, _ = uploading(tmp_path, 400, "hurry").communicate(timeout=SECONDS)
    _, written, grown_mb = said.split("\n")[:3]
    assert written == "400000000"
    assert int(grown_mb) < 120


async def test_a_killed_writer_leaves_no_blob_and_its_rest_can_be_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    child = uploading(folder, 100, "wait")
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "under way\n"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(SECONDS)
    left = [name for name in files(folder) if "d1/" in name]
    assert left != ["acme/d1/a"]
    blobs = ObjectBlobs.folder(folder)
    with pytest.raises(NotFoundError):
        await blobs.get("acme/d1/a")
    await blobs.put("acme/d1/a", b"again")
    assert await blobs.get("acme/d1/a") == b"again"
    assert await blobs.delete("acme/d1") == 1
    assert files(folder) == ["acme", "acme/d0", "acme/d0/warm"]


@pytest.mark.parametrize("prefix", ["acme", "acme/d1", "acme/d1/a"])
async def test_deleting_takes_the_rests_of_killed_writers(tmp_path: Path, prefix: str) -> None:
    (tmp_path / "acme/d1").mkdir(parents=True)
    (tmp_path / "acme/d1/a#1").write_bytes(b"half of a private file")
    (tmp_path / "acme/d1/ab").write_bytes(b"whole")
    (tmp_path / "globex").mkdir()
    (tmp_path / "globex/a#1").write_bytes(b"theirs")
    await ObjectBlobs.folder(tmp_path).delete(prefix)
    assert not (tmp_path / "acme/d1/a#1").exists()
    assert (tmp_path / "acme/d1/ab").exists() == (prefix == "acme/d1/a")
    assert (tmp_path / "globex/a#1").exists()


async def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    ObjectBlobs.folder(tmp_path / "deep" / "blobs")
    assert stat.S_IMODE((tmp_path / "deep" / "blobs").stat().st_mode) == 0o700


async def test_the_local_file_of_a_folder_is_the_blob_itself(tmp_path: Path) -> None:
    blobs = ObjectBlobs.folder(tmp_path)
    await blobs.put("acme/d1/a.pdf", b"x")
    async with blobs.local("acme/d1/a.pdf") as path:
        assert path == tmp_path / "acme/d1/a.pdf"


async def test_empty_folders_go_with_their_blobs(tmp_path: Path) -> None:
    blobs = ObjectBlobs.folder(tmp_path)
    await blobs.put("acme/d1/pages/1", b"x")
    await blobs.delete("acme/d1")
    assert files(tmp_path) == []
    await blobs.ping()


async def test_a_folder_that_has_gone_does_not_answer(tmp_path: Path) -> None:
    blobs = ObjectBlobs.folder(tmp_path / "blobs")
    shutil.rmtree(tmp_path / "blobs")
    with pytest.raises(StoreUnavailableError, match="blobs"):
        await blobs.ping()


async def test_a_store_that_cannot_write_says_so(tmp_path: Path) -> None:
    blobs = ObjectBlobs.folder(tmp_path)
    (tmp_path / "acme").write_text("a file where a folder should be")
    with pytest.raises(StoreUnavailableError, match="acme") as raised:
        await blobs.put("acme/d1", b"x")
    assert "\n" not in str(raised.value)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="blobs_url"):
        ObjectBlobs.folder(tmp_path / "file" / "blobs")


async def test_a_large_blob_is_read_in_pieces(tmp_path: Path) -> None:
    blobs = ObjectBlobs.folder(tmp_path)
    await blobs.put("acme/d1/large", bytes(8_000_000))
    sizes = [len(piece) async for piece in blobs.stream("acme/d1/large")]
    assert sum(sizes) == 8_000_000
    assert max(sizes) < 2_000_000
