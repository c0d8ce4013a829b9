"""Files are found, handed in ten at a time, and followed to their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from hosts.cli.api import Api
from hosts.cli.console import Console
from hosts.cli.progress import PlainBoard
from hosts.cli.uploads import AT_ONCE, Outcome, all_at_once, files_of, hand_in, redo, size_of
from runtime.errors import InvalidInputError
from tests.hosts.cli.toy_host import ToyHost, document
from tests.serving import serving

BOARD = PlainBoard(Console(verbose=True))


@pytest.fixture
def host() -> ToyHost:
    return ToyHost()


@pytest.fixture
async def api(host: ToyHost) -> AsyncIterator[Api]:
    async with serving(host.app()) as base_url, Api.at(base_url) as made:
        yield made


def written(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text or path.name)
    return path


def test_folders_give_their_documents_and_named_files_are_always_taken(tmp_path: Path) -> None:
    for name in ("b/two.MD", "b/one.pdf", "b/.hidden.pdf", "b/.git/x.txt", "b/program.py", "a.docx"):
        written(tmp_path / name)
    odd = written(tmp_path / "odd.xyz")
    found = files_of([tmp_path / "b", odd, tmp_path, tmp_path / "a.docx"])
    assert [file.relative_to(tmp_path).as_posix() for file in found] == ["b/one.pdf", "b/two.MD", "odd.xyz", "a.docx"]


def test_a_folder_without_documents_is_told_with_the_known_endings(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"known endings are \.pdf, \.docx"):
        files_of([tmp_path])


def test_a_file_that_is_gone_has_no_bytes(tmp_path: Path) -> None:
    assert size_of(tmp_path / "gone") == 0


async def test_a_file_is_followed_until_it_is_searchable(
    host: ToyHost, api: Api, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = await hand_in(api, written(tmp_path / "a.txt"), BOARD, wait=True)
    assert (outcome.text, outcome.has_failed) == ("ready, 8 pages, 31 chunks", False)
    stages = [line.partition(": ")[2] for line in capsys.readouterr().err.splitlines()]
    assert stages == ["uploading 5 bytes", "extracting", "ready, 8 pages, 31 chunks"]


async def test_without_waiting_the_upload_is_all(host: ToyHost, api: Api, tmp_path: Path) -> None:
    outcome = await hand_in(api, written(tmp_path / "a.txt"), BOARD, wait=False)
    assert outcome.document is not None
    assert host.most_at_work == 0


async def test_known_bytes_say_so(api: Api, tmp_path: Path) -> None:
    await hand_in(api, written(tmp_path / "a.txt"), BOARD, wait=True)
    again = await hand_in(api, tmp_path / "a.txt", BOARD, wait=True)
    assert again.text == "ready, 8 pages, 31 chunks (known already)"
    assert again.shown()["new"] is False


async def test_a_document_that_failed_before_is_followed_through_its_new_attempt(
    host: ToyHost, api: Api, tmp_path: Path
) -> None:
    host.fails = {"a.txt": "no EOF"}
    first = await hand_in(api, written(tmp_path / "a.txt"), BOARD, wait=True)
    assert (first.text, first.has_failed) == ("failed: no EOF", True)
    again = await hand_in(api, tmp_path / "a.txt", BOARD, wait=True)
    assert again.text == "ready, 8 pages, 31 chunks (known already)"


async def test_reprocessing_is_followed_to_its_new_end(host: ToyHost, api: Api) -> None:
    old = document("doc_1", "a.txt")
    host.documents = {"doc_1": old}
    outcome = await redo(api, old, BOARD, wait=True)
    assert outcome.document is not None
    assert outcome.document.updated_at > old.updated_at
    assert not host.due


async def test_a_refused_file_does_not_stop_the_others(api: Api, tmp_path: Path) -> None:
    files = [written(tmp_path / "a.xyz"), written(tmp_path / "b.txt")]
    bad, good = await all_at_once([partial(hand_in, api, file, BOARD, wait=True) for file in files])
    assert bad.has_failed
    assert bad.row() == ("-", "a.xyz", "failed: files ending in '.xyz' cannot be read")
    assert bad.shown()["error"]["code"] == "document.unsupported"
    assert not good.has_failed


async def test_no_more_than_ten_are_at_work_and_order_is_kept() -> None:
    working, most = 0, 0

    async def work(name: str) -> Outcome:
        nonlocal working, most
        working += 1
        most = max(most, working)
        for _ in range(3):
            await asyncio.sleep(0)
        working -= 1
        return Outcome(name)

    outcomes = await all_at_once([partial(work, str(number)) for number in range(35)])
    assert most == AT_ONCE
    assert [outcome.name for outcome in outcomes] == [str(number) for number in range(35)]
