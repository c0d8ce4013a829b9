"""The demo ingests its manual, asks about it, and cleans up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hosts.cli.console import Exit
from hosts.cli.demo import MANUAL, QUESTION, demo, folder
from runtime.errors import InternalError, InvalidInputError
from tests.hosts.cli.toy_host import ToyHost, serving_folder


@pytest.fixture
def host() -> ToyHost:
    return ToyHost()


@pytest.fixture
async def data(host: ToyHost, tmp_path: Path) -> AsyncIterator[Path]:
    async with serving_folder(host, tmp_path / "data"):
        yield tmp_path / "data"


async def test_the_demo_asks_its_own_manual_and_tells_its_times(
    host: ToyHost, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await demo(data=data) == Exit.OK
    assert host.received[MANUAL].startswith(b"%PDF-")
    assert host.queries[0]["query"] == QUESTION
    assert host.queries[0]["filters"]["doc_ids"] == list(host.documents)
    out, err = capsys.readouterr()
    assert "Keep hands away [0]." in out
    assert "[0] manual.pdf, page 2" in out
    assert "8 pages ingested in" in err


async def test_another_question_may_be_asked(host: ToyHost, data: Path) -> None:
    await demo(question="How heavy is it?", data=data)
    assert host.queries[0]["query"] == "How heavy is it?"
    with pytest.raises(InvalidInputError, match="0 characters"):
        await demo(question=" ", data=data)


async def test_a_manual_that_cannot_be_ingested_fails_the_demo(host: ToyHost, data: Path) -> None:
    host.fails = {MANUAL: "no EOF"}
    with pytest.raises(InternalError, match="failed: no EOF"):
        await demo(data=data)


def test_only_a_folder_of_its_own_is_removed(tmp_path: Path) -> None:
    with folder(tmp_path) as kept:
        (kept / "a").write_text("a")
    assert (tmp_path / "a").exists()
    with folder(None) as made:
        (made / "a").write_text("a")
    assert not made.exists()
