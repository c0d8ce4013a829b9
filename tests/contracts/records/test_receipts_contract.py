"""Receipts belong to one caller's key, the latest counts, and old ones go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from runtime.records.contract import Receipt, Records
from schemas.message import TenantId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=9)


def receipt(tenant: TenantId, key: str, *, principal: str = "ann", minute: int = 0) -> Receipt:
    """A receipt written some minutes after noon."""
    moment = NOON + timedelta(minutes=minute)
    return Receipt(tenant, principal, key, "f" * 64, 202, "/v1/things/1", {"name": "Käse", "n": [1]}, moment)


async def test_a_receipt_comes_back_to_its_caller_alone(records: Records, tenant: TenantId, other: TenantId) -> None:
    kept = receipt(tenant, "k1")
    await records.receipts.put(kept, forget_before=LONG_AGO)
    assert await records.receipts.get(tenant, "ann", "k1") == kept
    assert await records.receipts.get(tenant, "bob", "k1") is None
    assert await records.receipts.get(other, "ann", "k1") is None
    assert await records.receipts.get(tenant, "ann", "k2") is None


async def test_a_later_receipt_of_the_same_key_replaces_the_first(records: Records, tenant: TenantId) -> None:
    first = receipt(tenant, "k1")
    later = replace(first, fingerprint="e" * 64, status=200, body={})
    await records.receipts.put(first, forget_before=LONG_AGO)
    await records.receipts.put(later, forget_before=LONG_AGO)
    assert await records.receipts.get(tenant, "ann", "k1") == later


async def test_receipts_before_a_moment_go_with_the_next_one(
    records: Records, tenant: TenantId, other: TenantId
) -> None:
    for old in (receipt(tenant, "k1"), receipt(other, "k1", minute=1)):
        await records.receipts.put(old, forget_before=LONG_AGO)
    await records.receipts.put(receipt(tenant, "k2", minute=9), forget_before=NOON + timedelta(minutes=1))
    assert await records.receipts.get(tenant, "ann", "k1") is None
    assert await records.receipts.get(other, "ann", "k1") is not None
    assert await records.receipts.get(tenant, "ann", "k2") is not None
