"""Indexes of many tenants in one folder: kept open as long as they are used, never mixed, dropped whole."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from runtime.errors import StoreUnavailableError
from runtime.vectors.process import Store
from runtime.vectors.shard import Shard
from runtime.vectors.tenants import OPEN_SHARDS, Meta, Tenants, folder_name
from runtime.vectors.wire import Entry, Sought, floats

ONE = b"\x00\x00\x80?\x00\x00\x00\x00"


def meta(tenant: str, fingerprint: str = "m") -> Meta:
    return Meta(tenant, fingerprint, 2, "terms/1")


def entry(number: int, *, counts: dict[int, int] | None = None, document: str = "d") -> Entry:
    terms = counts if counts is not None else {7: 1, 100 + number: 1}
    return Entry(UUID(int=number), "chunk", document, "v", 1, terms, json.dumps({"n": number}), ONE, None, None)


def write(shard: Shard, *entries: Entry, seal: bool = True) -> None:
    list(shard.upsert(entries))
    if seal:
        list(shard.seal([("d", "v")]))


def found(shard: Shard, *terms: int, top_k: int = 500) -> list[tuple[int, float]]:
    sought = Sought("chunk_terms", top_k, None, dict.fromkeys(terms, 1.0), [], [], None, None, [])
    return [(UUID(bytes=card.id).int, score) for score, card in shard.search([sought])[0]]


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[Tenants]:
    opened = Tenants(tmp_path, lambda tenant: tenant == "busy")
    yield opened
    opened.close()


def test_more_tenants_than_can_stay_open_are_all_found(tenants: Tenants) -> None:
    names = ["busy", *(f"t{number}" for number in range(OPEN_SHARDS + 2))]
    for number, name in enumerate(names):
        tenants.ensure(meta(name))
        write(tenants.make(name), entry(number))
    assert len(tenants._open) == OPEN_SHARDS
    assert "busy" in tenants._open, "one that is written to stays open"
    assert "t0" not in tenants._open
    for number, name in enumerate(names):
        shard = tenants.find(name)
        assert shard is not None
        assert [unit for unit, _ in found(shard, 7)] == [number]


def test_no_tenants_folder_lies_outside(tmp_path: Path) -> None:
    names = ["a", "A", "../a", "a/b", "", ".", "a\x00", "ä", "\ud800", "x" * 500]
    folders = [folder_name(name) for name in names]
    assert len(set(folders)) == len(names)
    assert all((tmp_path / folder).parent == tmp_path and len(folder) < 100 for folder in folders)


def test_a_folder_of_another_tenant_is_not_opened(tenants: Tenants, tmp_path: Path) -> None:
    tenants.ensure(meta("anna"))
    write(tenants.make("anna"), entry(1))
    tenants.close()
    (tmp_path / folder_name("anna")).rename(tmp_path / folder_name("ben"))
    with pytest.raises(StoreUnavailableError, match="'anna'"):
        tenants.find("ben")


def test_what_a_crash_left_half_made_or_half_dropped_goes(tenants: Tenants, tmp_path: Path) -> None:
    tenants.ensure(meta("anna"))
    half = tmp_path / folder_name("anna") / "shard.new-1"
    half.mkdir()
    (half / "junk").write_text("junk")
    (tmp_path / "dropped-tenant-ben-1").mkdir()
    write(tenants.make("anna"), entry(1))
    Tenants(tmp_path).close()
    assert not half.exists()
    assert not list(tmp_path.glob("dropped-*"))


def test_tidying_changes_no_result(tenants: Tenants) -> None:
    tenants.ensure(meta("anna"))
    shard = tenants.make("anna")
    write(shard, *(entry(number, document="gone" if number % 2 else "d") for number in range(2500)))
    shard.tidy()
    assert not list(tenants.untidy())
    list(shard.delete("gone", None))
    before = found(shard, 7, 104)
    assert list(tenants.untidy()) == [shard]
    shard.tidy()
    assert not list(tenants.untidy())
    assert found(shard, 7, 104) == before
    write(shard, entry(5000, counts={7: 4}))
    list(shard.delete("d", "other"))
    tenants.ensure(meta("fresh"))
    fresh = tenants.make("fresh")
    write(fresh, *(entry(number) for number in range(0, 2500, 2)), entry(5000, counts={7: 4}))
    assert found(shard, 7, 104) == found(fresh, 7, 104)


def test_a_crash_between_weighing_and_noting_it_is_made_good(tenants: Tenants) -> None:
    """Half of the units have new weights but are still noted as old: the next sealing must not spoil them."""
    tenants.ensure(meta("anna"))
    shard = tenants.make("anna")
    write(shard, *(entry(number, counts={7: 1 + number}) for number in range(6)))
    expected = found(shard, 7)
    from qdrant_edge import UpdateOperation

    shard._edge.update(UpdateOperation.set_payload([UUID(int=number) for number in range(3)], {"chunk_step": 250}))
    list(shard.seal([("d", "v")]))
    assert found(shard, 7) == expected
    assert set(shard._values("chunk_step")) == {shard._steps["chunk"]}


def test_payloads_at_hand_are_bounded_and_fresh(tmp_path: Path) -> None:
    Shard.create(tmp_path / "shard", 2)
    shard = Shard.open(tmp_path / "shard", 2, remembered=5)
    write(shard, *(entry(number) for number in range(20)))
    assert len(found(shard, 7)) == 20
    assert len(shard._cards) <= 5
    changed = Entry(UUID(int=3), "chunk", "d", "v", 9, {7: 1}, "{}", ONE, None, None)
    write(shard, changed)
    sought = Sought("chunk_terms", 50, None, {7: 1.0}, [], [], None, None, [])
    assert [card.page for _, card in shard.search([sought])[0] if card.id == changed.id.bytes] == [9]
    shard.close()


def test_packed_vectors_are_read_as_numbers() -> None:
    assert floats(ONE) == [1.0, 0.0]


async def test_room_is_given_back_when_nobody_asks(tmp_path: Path) -> None:
    store = Store(tmp_path)
    shard_meta = {"tenant": "anna", "fingerprint": "m", "dimension": 2, "terms": "terms/1"}
    assert await store.answer({"do": "ensure", **shard_meta}) == {"ok": None}
    shard = store._tenants.make("anna")
    write(shard, entry(1), entry(2, document="gone"))
    list(shard.delete("gone", None))
    assert shard.has_holes
    tidying = asyncio.create_task(store.tidy_when_quiet(0.05))
    async with asyncio.timeout(20):
        while shard.has_holes:
            await asyncio.sleep(0.01)
    assert not tidying.done()
    tidying.cancel()
    await store.close()
