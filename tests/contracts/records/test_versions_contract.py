"""Versions and pages: built beside the active one, shown by one update, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from runtime.errors import ConflictError, InvalidInputError, NotFoundError
from runtime.records.contract import PageRecord, Records
from schemas.document import Document
from schemas.message import TenantId, VersionId

Make = Callable[..., Document]
V1, V2, V3 = VersionId("v1"), VersionId("v2"), VersionId("v3")


@pytest.fixture
async def building(records: Records, tenant: TenantId, document: Make) -> Callable[..., object]:
    """Begins versions of document d1, which is being processed."""
    await records.documents.add(tenant, document("d1", status="processing"))

    async def begin(*versions: VersionId) -> None:
        for version in versions:
            await records.versions.begin(tenant, "d1", version, sha256="sha-d1", fingerprint="f")

    return begin


async def test_a_version_is_hidden_until_it_is_active(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1)
    assert await records.versions.hidden(tenant) == (V1,)
    assert await records.versions.activate(tenant, "d1", V1, {"chunks": 12, "message": "Ready"})
    assert await records.versions.hidden(tenant) == ()
    found = await records.documents.get(tenant, "d1")
    assert found is not None
    assert (found.status, found.stage, found.progress) == ("completed", "done", 100)
    assert (found.version_id, found.chunks, found.message) == (V1, 12, "Ready")


async def test_activation_retires_the_former_and_the_abandoned(
    records: Records, tenant: TenantId, building: Make
) -> None:
    await building(V1)
    await records.versions.activate(tenant, "d1", V1, {})
    await building(V2, V3)
    assert await records.versions.hidden(tenant) == (V2, V3)
    assert await records.versions.activate(tenant, "d1", V3, {})
    assert await records.versions.hidden(tenant) == (V1, V2)
    assert await records.versions.retired(tenant, "d1") == (V1, V2)
    await records.versions.remove(tenant, V1)
    assert await records.versions.retired(tenant, "d1") == (V2,)


async def test_beginning_an_active_version_again_changes_nothing(
    records: Records, tenant: TenantId, building: Make
) -> None:
    await building(V1)
    await records.versions.activate(tenant, "d1", V1, {})
    await building(V1)
    assert await records.versions.hidden(tenant) == ()
    assert await records.versions.activate(tenant, "d1", V1, {"chunks": 3})
    assert await records.versions.hidden(tenant) == ()


async def test_a_retired_version_can_be_built_again(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1, V2)
    await records.versions.activate(tenant, "d1", V2, {})
    await building(V1)
    assert await records.versions.retired(tenant, "d1") == ()
    assert await records.versions.hidden(tenant) == (V1,)


async def test_a_cancelled_document_is_not_completed(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1)
    cancelled = await records.documents.change(tenant, "d1", {"status": "cancelled"})
    assert not await records.versions.activate(tenant, "d1", V1, {"chunks": 12})
    assert await records.documents.get(tenant, "d1") == cancelled
    assert await records.versions.hidden(tenant) == (V1,)


async def test_a_deleted_document_is_not_completed(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1)
    await records.documents.delete(tenant, "d1")
    assert not await records.versions.activate(tenant, "d1", V1, {})
    with pytest.raises(NotFoundError, match="d1"):
        await records.versions.begin(tenant, "d1", V1, sha256="s", fingerprint="f")


async def test_a_version_that_was_never_begun_completes_nothing(
    records: Records, tenant: TenantId, building: Make
) -> None:
    before = await records.documents.get(tenant, "d1")
    with pytest.raises(NotFoundError, match="v1"):
        await records.versions.activate(tenant, "d1", V1, {})
    assert await records.documents.get(tenant, "d1") == before


async def test_a_version_belongs_to_one_document(
    records: Records, tenant: TenantId, other: TenantId, document: Make, building: Make
) -> None:
    await building(V1)
    await records.documents.add(tenant, document("d2"))
    with pytest.raises(ConflictError, match="d1"):
        await records.versions.begin(tenant, "d2", V1, sha256="s", fingerprint="f")
    await records.documents.add(other, document("d2"))
    await records.versions.begin(other, "d2", V1, sha256="s", fingerprint="f")
    await records.versions.remove(other, V1)
    assert await records.versions.hidden(tenant) == (V1,)


async def test_changes_that_no_document_can_hold_activate_nothing(
    records: Records, tenant: TenantId, building: Make
) -> None:
    await building(V1)
    with pytest.raises(InvalidInputError, match="chunks"):
        await records.versions.activate(tenant, "d1", V1, {"chunks": "many"})
    assert await records.versions.hidden(tenant) == (V1,)


async def test_a_cancel_and_a_completion_at_once_agree(records: Records, tenant: TenantId, document: Make) -> None:
    for number in range(10):
        doc_id, version = f"d{number}", VersionId(f"v{number}")
        await records.documents.add(tenant, document(doc_id, status="processing"))
        await records.versions.begin(tenant, doc_id, version, sha256="s", fingerprint="f")
        activated, cancelled = await asyncio.gather(
            records.versions.activate(tenant, doc_id, version, {}),
            records.documents.change(tenant, doc_id, {"status": "cancelled"}, expected=["pending", "processing"]),
        )
        found = await records.documents.get(tenant, doc_id)
        assert found is not None
        assert activated == (cancelled is None)
        assert found.status == ("completed" if activated else "cancelled")


async def test_pages_come_back_in_order_and_are_replaced(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1)
    second = PageRecord(2, "zwei – “2”", "ii", ((0, 0, 5), (5, 7, 3)), 612.0, 792.5)
    await records.pages.put(tenant, V1, [second, PageRecord(1, "one")])
    await records.pages.put(tenant, V1, [PageRecord(1, "uno")])
    await records.pages.put(tenant, V1, [])
    assert await records.pages.all(tenant, V1) == [PageRecord(1, "uno"), second]
    assert await records.pages.get(tenant, V1, 2) == second
    assert await records.pages.get(tenant, V1, 3) is None


async def test_pages_are_the_tenants_own_and_go_with_their_version(
    records: Records, tenant: TenantId, other: TenantId, building: Make
) -> None:
    await building(V1, V2)
    await records.pages.put(tenant, V1, [PageRecord(1, "one")])
    await records.pages.put(tenant, V2, [PageRecord(1, "two")])
    assert await records.pages.all(other, V1) == []
    await records.versions.remove(tenant, V1)
    assert await records.pages.all(tenant, V1) == []
    assert len(await records.pages.all(tenant, V2)) == 1


async def test_pages_of_no_version_are_refused(records: Records, tenant: TenantId) -> None:
    with pytest.raises(NotFoundError, match="v1"):
        await records.pages.put(tenant, V1, [PageRecord(1, "one")])


async def test_a_thousand_pages_are_written_together(records: Records, tenant: TenantId, building: Make) -> None:
    await building(V1)
    pages = [PageRecord(number, f"page {number} " * 50) for number in range(1, 1001)]
    await records.pages.put(tenant, V1, pages)
    assert await records.pages.all(tenant, V1) == pages
