"""Receipts: what was answered to a request with a key, so that the same request again is not done again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import delete, select

from runtime.records.contract import Receipt
from runtime.records.database import Database
from runtime.records.tables import RECEIPTS
from schemas.message import TenantId


class SqlReceipts:
    """Implements ReceiptRecords."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, tenant: TenantId, principal: str, key: str) -> Receipt | None:
        """See the contract."""
        mine = (RECEIPTS.c.tenant == tenant, RECEIPTS.c.principal == principal, RECEIPTS.c.key == key)
        async with self._database.reading() as connection:
            row = (await connection.execute(select(RECEIPTS).where(*mine))).mappings().first()
        return None if row is None else Receipt(**row)

    async def put(self, receipt: Receipt, *, forget_before: datetime) -> None:
        """See the contract."""
        async with self._database.writing() as connection:
            await connection.execute(delete(RECEIPTS).where(RECEIPTS.c.created_at < forget_before))
            await connection.execute(self._database.replace(RECEIPTS), [asdict(receipt)])
