"""What is acknowledged is on the disk; the log is emptied in quiet moments, and in between when it grows long."""

from pathlib import Path

import pytest

from runtime.vectors import shard as shards
from runtime.vectors.shard import Shard
from runtime.vectors.tenants import Tenants
from runtime.vectors.writeback import written_out
from tests.runtime.vectors.test_tenants import entry, meta, write


@pytest.fixture
def shard(tmp_path: Path) -> Shard:
    tenants = Tenants(tmp_path)
    tenants.ensure(meta("anna"))
    return tenants.make("anna")


def test_sealing_has_all_written_out_and_leaves_the_log_for_a_quiet_moment(shard: Shard, tmp_path: Path) -> None:
    write(shard, entry(1), entry(2))
    waits = [pause for pause in shard.seal([("d", "v")]) if pause is not None]
    assert waits, "the disk is waited for in a thread"
    for wait in waits:
        wait()
    assert shard.is_untidy
    shard.tidy()
    assert not shard.is_untidy


def test_a_long_log_is_emptied_at_once(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "MOST_IN_LOG", 2)
    write(shard, *(entry(number) for number in range(5)))
    list(shard.seal([("d", "v")]))
    assert not shard.is_untidy


def test_files_that_go_meanwhile_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    written_out(tmp_path)
    written_out(tmp_path / "nowhere")
