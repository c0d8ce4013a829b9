"""Documents: the same bytes once, changes guarded by status, lists in pages, tenants apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from runtime.errors import ConflictError, InvalidInputError
from runtime.records.contract import PageRecord, Records
from schemas.chunk import Filters
from schemas.document import Document
from schemas.message import TenantId, VersionId
from schemas.problem import Problem

Make = Callable[..., Document]

HALF = "WyIyMDI2LTAxLTAxIiwiXHVkODAwIl0"
"""A cursor whose id is half a character."""
EARLY = "WyIwMDAxLTAxLTAxVDAwOjAwKzIzOjAwIiwieCJd"
"""A cursor whose moment lies before all time in UTC."""


async def test_a_document_comes_back_as_it_was_added(records: Records, tenant: TenantId, document: Make) -> None:
    error = Problem(title="Out of time", status=504, detail="took too long", code="deadline", retryable=True)
    added = document(
        "d1",
        title="Käse \U0001f9c0",
        date=datetime(2020, 5, 17, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
        warnings=("page 3 is empty", "page 4 too"),
        error=error,
        pages=7,
        paging="by section",
    )
    assert await records.documents.add(tenant, added) == added
    assert await records.documents.get(tenant, "d1") == added
    assert await records.documents.by_sha256(tenant, "sha-d1") == added


async def test_the_same_bytes_are_one_document(records: Records, tenant: TenantId, document: Make) -> None:
    first = await records.documents.add(tenant, document("d1", sha256="same", filename="a.pdf"))
    again = await records.documents.add(tenant, document("d2", sha256="same", filename="b.pdf"))
    assert again == first
    assert await records.documents.get(tenant, "d2") is None


async def test_adding_the_same_bytes_at_once_adds_one(records: Records, tenant: TenantId, document: Make) -> None:
    added = await asyncio.gather(
        *(records.documents.add(tenant, document(f"d{number}", sha256="same")) for number in range(12))
    )
    assert len({each.doc_id for each in added}) == 1
    assert await records.documents.counts(tenant) == {"pending": 1}


async def test_tenants_may_hold_the_same_bytes(
    records: Records, tenant: TenantId, other: TenantId, document: Make
) -> None:
    await records.documents.add(tenant, document("d1", sha256="same"))
    assert (await records.documents.add(other, document("d2", sha256="same"))).doc_id == "d2"
    assert await records.documents.get(other, "d1") is None
    assert await records.documents.change(other, "d1", {"progress": 5}) is None
    assert not await records.documents.delete(other, "d1")


async def test_documents_whose_bytes_are_not_known_yet_are_told_apart(
    records: Records, tenant: TenantId, document: Make
) -> None:
    await records.documents.add(tenant, document("d1", sha256=""))
    assert (await records.documents.add(tenant, document("d2", sha256=""))).doc_id == "d2"
    assert (await records.documents.add(tenant, document("d2", sha256="", filename="x"))).filename == "d2.pdf"
    assert await records.documents.by_sha256(tenant, "") is None


async def test_bytes_that_turn_out_to_be_known_are_refused(records: Records, tenant: TenantId, document: Make) -> None:
    await records.documents.add(tenant, document("d1", sha256="same"))
    await records.documents.add(tenant, document("d2", sha256=""))
    with pytest.raises(ConflictError, match="d2"):
        await records.documents.change(tenant, "d2", {"sha256": "same", "progress": 9})
    left = await records.documents.get(tenant, "d2")
    assert left is not None
    assert (left.sha256, left.progress) == ("", 0)


async def test_an_id_with_other_bytes_is_refused(records: Records, tenant: TenantId, document: Make) -> None:
    await records.documents.add(tenant, document("d1"))
    with pytest.raises(ConflictError, match="d1"):
        await records.documents.add(tenant, document("d1", sha256="other"))


async def test_a_change_sets_fields_and_the_time(records: Records, tenant: TenantId, document: Make) -> None:
    before = await records.documents.add(tenant, document("d1"))
    problem = Problem(title="t", status=500, detail="d", code="internal")
    changes = {"status": "failed", "progress": 40, "error": problem, "warnings": ("w",)}
    changed = await records.documents.change(tenant, "d1", changes, expected=["pending"])
    assert changed is not None
    assert (changed.status, changed.progress, changed.error, changed.warnings) == ("failed", 40, problem, ("w",))
    assert changed.updated_at > before.updated_at
    assert (changed.created_at, changed.filename) == (before.created_at, before.filename)
    assert await records.documents.get(tenant, "d1") == changed
    cleared = await records.documents.change(tenant, "d1", {"error": None})
    assert cleared is not None
    assert cleared.error is None


async def test_a_change_from_another_status_writes_nothing(records: Records, tenant: TenantId, document: Make) -> None:
    added = await records.documents.add(tenant, document("d1", status="cancelled"))
    assert await records.documents.change(tenant, "d1", {"status": "processing"}, expected=["pending"]) is None
    assert await records.documents.get(tenant, "d1") == added
    assert await records.documents.change(tenant, "gone", {"progress": 1}) is None


async def test_of_two_changes_from_the_same_status_one_wins(records: Records, tenant: TenantId, document: Make) -> None:
    await records.documents.add(tenant, document("d1"))
    won = await asyncio.gather(
        *(
            records.documents.change(tenant, "d1", {"status": "processing", "message": str(n)}, expected=["pending"])
            for n in range(8)
        )
    )
    assert sum(document is not None for document in won) == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [({"progress": 140}, "progress"), ({"colour": "red"}, "colour"), ({"doc_id": "x"}, "doc_id")],
)
async def test_a_change_that_no_document_can_hold_is_refused(
    records: Records, tenant: TenantId, document: Make, changes: dict[str, object], named: str
) -> None:
    added = await records.documents.add(tenant, document("d1"))
    with pytest.raises(InvalidInputError, match=named):
        await records.documents.change(tenant, "d1", changes)
    assert await records.documents.get(tenant, "d1") == added


async def test_a_list_comes_in_pages_the_newest_first(records: Records, tenant: TenantId, document: Make) -> None:
    for number in range(7):
        await records.documents.add(tenant, document(f"d{number}", minute=number // 2))
    seen, cursor = [], None
    while True:
        page = await records.documents.list(tenant, limit=3, cursor=cursor)
        assert len(page.items) <= 3
        seen += [each.doc_id for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["d6", "d5", "d4", "d3", "d2", "d1", "d0"]


async def test_a_document_added_between_two_pages_shifts_neither(
    records: Records, tenant: TenantId, document: Make
) -> None:
    for number in range(4):
        await records.documents.add(tenant, document(f"d{number}", minute=number))
    first = await records.documents.list(tenant, limit=2)
    await records.documents.add(tenant, document("d9", minute=9))
    second = await records.documents.list(tenant, limit=2, cursor=first.next_cursor)
    assert [each.doc_id for each in second.items] == ["d1", "d0"]
    assert second.next_cursor is None


async def test_a_list_can_be_of_one_status(records: Records, tenant: TenantId, document: Make) -> None:
    for number, status in enumerate(["pending", "failed", "pending"]):
        await records.documents.add(tenant, document(f"d{number}", minute=number, status=status))
    found = await records.documents.list(tenant, limit=1, status="pending")
    rest = await records.documents.list(tenant, limit=1, status="pending", cursor=found.next_cursor)
    assert [each.doc_id for each in (*found.items, *rest.items)] == ["d2", "d0"]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "", "W10", "ä", "bm90anNvbg", "WzEsIDJd", "WyJ4IiwgInkiXQ", HALF, EARLY]
)
async def test_a_foreign_cursor_is_refused(records: Records, tenant: TenantId, cursor: str) -> None:
    with pytest.raises(InvalidInputError, match="cursor"):
        await records.documents.list(tenant, limit=5, cursor=cursor)


async def test_a_list_of_nothing_is_refused(records: Records, tenant: TenantId) -> None:
    with pytest.raises(InvalidInputError, match="limit"):
        await records.documents.list(tenant, limit=0)


async def test_documents_are_found_by_what_their_records_say(
    records: Records, tenant: TenantId, document: Make
) -> None:
    await records.documents.add(
        tenant,
        document("b", filename="q3_report.PDF", title="Ärzte und Zahlen", author="Bo Li", media_type="application/pdf"),
    )
    await records.documents.add(
        tenant, document("a", filename="notes.md", author="Bo Yang", media_type="text/markdown")
    )
    await records.documents.add(tenant, document("c", filename="plain", media_type="text/plain"))
    for filters, expected in (
        (Filters(), ["a", "b", "c"]),
        (Filters(authors=("bo",)), ["a", "b"]),
        (Filters(authors=("LI bo",)), ["b"]),
        (Filters(authors=("bo li yang",)), []),
        (Filters(titles=("report", "notes")), ["a", "b"]),
        (Filters(titles=("ärzte",)), ["b"]),
        (Filters(titles=("Q3 zahlen",)), ["b"]),
        (Filters(media_types=("pdf", "text/plain")), ["b", "c"]),
        (Filters(media_types=(".MD",), authors=("bo",)), ["a"]),
        (Filters(media_types=("pdf",), authors=("yang",)), []),
    ):
        assert list(await records.documents.described(tenant, filters)) == expected, filters
    assert list(await records.documents.described(TenantId("nobody"), Filters(authors=("bo",)))) == []


async def test_counts_and_sizes_are_the_tenants_own(
    records: Records, tenant: TenantId, other: TenantId, document: Make
) -> None:
    assert (await records.documents.counts(tenant), await records.documents.stored_bytes(tenant)) == ({}, 0)
    for number, status in enumerate(["pending", "failed", "pending"]):
        await records.documents.add(tenant, document(f"d{number}", status=status, size_bytes=4_000_000_000))
    await records.documents.add(other, document("d7"))
    assert await records.documents.counts(tenant) == {"pending": 2, "failed": 1}
    assert await records.documents.stored_bytes(tenant) == 12_000_000_000


async def test_unfinished_documents_of_all_tenants_come_oldest_first(
    records: Records, tenant: TenantId, other: TenantId, document: Make
) -> None:
    await records.documents.add(tenant, document("d1", minute=3, status="processing"))
    await records.documents.add(other, document("d2", minute=1))
    await records.documents.add(tenant, document("d3", minute=0, status="completed"))
    assert await records.documents.unfinished() == [(other, "d2"), (tenant, "d1")]


async def test_deleting_a_document_takes_its_versions_and_pages(
    records: Records, tenant: TenantId, document: Make
) -> None:
    version = VersionId("v1")
    await records.documents.add(tenant, document("d1"))
    await records.versions.begin(tenant, "d1", version, sha256="sha-d1", fingerprint="f")
    await records.pages.put(tenant, version, [PageRecord(1, "one")])
    assert await records.documents.delete(tenant, "d1")
    assert await records.documents.get(tenant, "d1") is None
    assert await records.versions.hidden(tenant) == ()
    assert await records.pages.all(tenant, version) == []
    assert not await records.documents.delete(tenant, "d1")
    assert (await records.documents.add(tenant, document("d5", sha256="sha-d1"))).doc_id == "d5"


async def test_times_without_a_zone_are_read_as_utc(records: Records, tenant: TenantId, document: Make) -> None:
    await records.documents.add(tenant, document("d1", date=datetime(2020, 1, 2, 3)))
    found = await records.documents.get(tenant, "d1")
    assert found is not None
    assert found.date == datetime(2020, 1, 2, 3, tzinfo=UTC)
