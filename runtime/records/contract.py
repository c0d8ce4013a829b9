"""The contract of the records: small tables, each behind its own noun; every call names its tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from schemas.answer import Turn
from schemas.chunk import Filters
from schemas.document import Document, Documents, Status
from schemas.message import DocumentId, RunId, TenantId, VersionId
from schemas.query import Run
from schemas.report import AgentHealth, LatencyRow, UsageRow


@dataclass(frozen=True)
class PageRecord:
    """One page of one version. `text` is what chunks are cut from and quotes are checked against.

    `offsets` maps `text` to the characters of the source page: runs of (start in text, start in source, length);
    empty when both are the same or the source has no layout. `width` and `height` are points, 0 without layout.
    """

    page: int
    text: str
    label: str | None = None
    offsets: tuple[tuple[int, int, int], ...] = ()
    width: float = 0.0
    height: float = 0.0


@dataclass(frozen=True)
class UsageRecord:
    """One call of one skill."""

    at: datetime
    tenant: TenantId
    principal: str
    agent: str
    skill: str
    outcome: str
    duration_ms: float
    trace: str
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True)
class StoredRun:
    """A run with the tenant and principal it belongs to, and the request that started it (JSON)."""

    tenant: TenantId
    principal: str
    run: Run
    request: Mapping[str, Any]


@dataclass(frozen=True)
class Receipt:
    """What was answered to one request: `key` is the caller's word for it, `fingerprint` tells it from others."""

    tenant: TenantId
    principal: str
    key: str
    fingerprint: str
    status: int
    location: str
    body: Mapping[str, Any]
    created_at: datetime


class DocumentRecords(Protocol):
    """Documents by id; the newest first in lists."""

    async def add(self, tenant: TenantId, document: Document) -> Document:
        """Add a document. When one with the same sha256 is there, return that one unchanged."""

    async def get(self, tenant: TenantId, doc_id: str) -> Document | None:
        """The document, or None for an id that this tenant does not have."""

    async def by_sha256(self, tenant: TenantId, sha256: str) -> Document | None:
        """The document with these bytes."""

    async def change(
        self, tenant: TenantId, doc_id: str, changes: Mapping[str, Any], *, expected: Sequence[Status] = ()
    ) -> Document | None:
        """Set fields; None (nothing written) when it is gone or its status is not one of `expected` (empty: any)."""

    async def list(
        self, tenant: TenantId, *, limit: int, cursor: str | None = None, status: Status | None = None
    ) -> Documents:
        """A page of documents. Raises InvalidInputError for a cursor that is not ours."""

    async def described(self, tenant: TenantId, filters: Filters) -> Sequence[DocumentId]:
        """Documents that `titles`, `authors` and `media_types` of the filters fit, in order of id."""

    async def counts(self, tenant: TenantId) -> dict[str, int]:
        """Documents by status."""

    async def stored_bytes(self, tenant: TenantId) -> int:
        """Sum of the sizes of all documents."""

    async def unfinished(self) -> Sequence[tuple[TenantId, DocumentId]]:
        """Documents of all tenants that are pending or processing, oldest first."""

    async def delete(self, tenant: TenantId, doc_id: str) -> bool:
        """Remove the document with its versions and pages."""


class VersionRecords(Protocol):
    """Versions of documents: built beside the active one, activated by one update."""

    async def begin(
        self, tenant: TenantId, doc_id: str, version_id: VersionId, *, sha256: str, fingerprint: str
    ) -> None:
        """Note that a version is being built; beginning it again changes nothing."""

    async def activate(self, tenant: TenantId, doc_id: str, version_id: VersionId, changes: Mapping[str, Any]) -> bool:
        """In one transaction: make it the active one, retire the former, set `changes` on the document, complete it.

        False, and nothing written, when the document is gone or was cancelled meanwhile.
        """

    async def hidden(self, tenant: TenantId) -> tuple[VersionId, ...]:
        """Versions that searches must leave out: being built or retired."""

    async def retired(self, tenant: TenantId, doc_id: str) -> tuple[VersionId, ...]:
        """Versions of a document that can be removed."""

    async def remove(self, tenant: TenantId, version_id: VersionId) -> None:
        """Forget a version and its pages."""


class PageRecords(Protocol):
    """Page texts by version."""

    async def put(self, tenant: TenantId, version_id: VersionId, pages: Sequence[PageRecord]) -> None:
        """Write pages; the same page again replaces it."""

    async def get(self, tenant: TenantId, version_id: VersionId, page: int) -> PageRecord | None:
        """One page."""

    async def all(self, tenant: TenantId, version_id: VersionId) -> list[PageRecord]:
        """All pages in order."""


class RunRecords(Protocol):
    """Questions and their answers."""

    async def begin(self, run: StoredRun) -> None:
        """Note that a run exists; again changes nothing."""

    async def finish(self, tenant: TenantId, run: Run) -> bool:
        """Write the end of a run; False when it had already ended."""

    async def get(self, tenant: TenantId, query_id: RunId) -> StoredRun | None:
        """The run, or None for an id that this tenant does not have."""

    async def turns(self, tenant: TenantId, principal: str, conversation_id: str, limit: int = 5) -> tuple[Turn, ...]:
        """The last completed turns of a conversation, oldest first."""


class UsageRecords(Protocol):
    """One row a call."""

    async def add(self, rows: Sequence[UsageRecord]) -> None:
        """Write rows."""

    async def totals(self, tenant: TenantId, since: datetime, until: datetime, group_by: str) -> list[UsageRow]:
        """Calls and tokens by `agent`, `skill`, `model` or `principal`, most calls first."""

    async def latencies(
        self, tenant: TenantId, since: datetime, until: datetime, agent: str | None = None
    ) -> list[LatencyRow]:
        """Exact nearest-rank percentiles by skill, the slowest p95 first."""


class ReceiptRecords(Protocol):
    """Answers to requests that may come again."""

    async def get(self, tenant: TenantId, principal: str, key: str) -> Receipt | None:
        """The receipt of a caller's key."""

    async def put(self, receipt: Receipt, *, forget_before: datetime) -> None:
        """Keep a receipt in place of an earlier one, and drop everybody's that are older than `forget_before`."""


class HealthRecords(Protocol):
    """The last word on each agent; about the federation, so without a tenant."""

    async def put(self, rows: Sequence[AgentHealth]) -> None:
        """Replace what is known of these agents."""

    async def all(self) -> list[AgentHealth]:
        """All agents by name."""


class Records(Protocol):
    """All tables of one database."""

    documents: DocumentRecords
    versions: VersionRecords
    pages: PageRecords
    runs: RunRecords
    usage: UsageRecords
    receipts: ReceiptRecords
    health: HealthRecords

    async def ping(self) -> None:
        """Return when the database answers."""

    async def close(self) -> None:
        """Release it."""
