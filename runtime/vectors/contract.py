"""The contract of a vector store: units in, ranked hits out, tenants strictly apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from uuid import UUID

from schemas.chunk import Filters
from schemas.message import DocumentId, TenantId, VersionId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Kind = Literal["chunk", "page", "document"]
Using = Literal["dense", "chunk_terms", "page_terms", "document_terms"]

Place = tuple[VersionId, int]
"""A page: the version it belongs to, and its number."""


@dataclass(frozen=True)
class Unit:
    """A searchable piece. Chunks carry `dense` and `terms`; pages and documents carry `terms` only.

    `terms` maps a term index (32 bits) to its count in the piece. `payload` is JSON and comes back with a hit.
    The unit's kind decides the named vector its terms go to (`chunk_terms`, `page_terms`, `document_terms`).
    """

    id: UUID
    kind: Kind
    document: DocumentId
    version: VersionId
    page: int
    terms: Mapping[int, int]
    payload: Mapping[str, Any]
    dense: Floats | None = None
    language: str | None = None
    date: date | None = None


@dataclass(frozen=True)
class Probe:
    """One ranked search: by `dense` (a unit vector) or by `terms` (term index to weight in the question).

    With `places`, only what lies on these pages is found; of documents, those that such a page belongs to.
    """

    using: Using
    top_k: int
    dense: Floats | None = None
    terms: Mapping[int, float] = field(default_factory=dict)
    filters: Filters = field(default_factory=Filters)
    exclude: tuple[VersionId, ...] = ()
    places: frozenset[Place] | None = None


class Hit(NamedTuple):
    """A unit that matched. `score` is a cosine for `dense` and a BM25 score for terms; higher is better.

    A plain tuple with the 16 bytes of its id, because a search handles hundreds.
    """

    key: bytes
    kind: Kind
    document: DocumentId
    version: VersionId
    page: int
    score: float
    payload: Mapping[str, Any]

    @property
    def id(self) -> UUID:
        """The unit's id."""
        return UUID(bytes=self.key)


class VectorStore(Protocol):
    """What every adapter does. Tenants never see each other's units; every method is idempotent.

    Raises: FingerprintError when a tenant's index was built with another model; FolderInUseError when another process
    owns the folder; StoreUnavailableError when the store does not answer.
    """

    async def ensure(self, tenant: TenantId, fingerprint: str, dimension: int) -> None:
        """Make the tenant's index if there is none; refuse one that was built with another model."""

    async def upsert(self, tenant: TenantId, units: Sequence[Unit]) -> None:
        """Write units; the same id again replaces the unit. Survives a kill of the process once it returns."""

    async def seal(self, tenant: TenantId, document: DocumentId, version: VersionId) -> int:
        """Weigh the version's terms by the corpus, make all durable, return how many chunks the version holds."""

    async def search(self, tenant: TenantId, probes: Sequence[Probe]) -> list[list[Hit]]:
        """Run searches together; one ranked list for each probe, best first. No index yet gives empty lists."""

    async def fetch(self, tenant: TenantId, places: Sequence[Place]) -> list[Hit]:
        """All chunks on the given pages, in document order, score 0."""

    async def pages(self, tenant: TenantId, probes: Sequence[Probe]) -> list[frozenset[Place]]:
        """All pages that hold any of the terms of each probe by `page_terms`; of one without terms, every page.

        Exact whatever their number: `top_k` does not count.
        """

    async def state(self, tenant: TenantId) -> str:
        """Names what the tenant's index holds: another one after each change, the same as long as nothing changed."""

    async def vectors(self, tenant: TenantId, places: Sequence[tuple[VersionId, int]]) -> Mapping[UUID, Floats]:
        """The dense vectors of the chunks on the given (version, page) places, by their ids."""

    async def delete(self, tenant: TenantId, document: DocumentId, version: VersionId | None = None) -> int:
        """Remove a document, or one version of it; return how many chunks went."""

    async def drop(self, tenant: TenantId) -> None:
        """Remove everything of a tenant."""

    async def ping(self) -> None:
        """Return when the store answers."""

    async def close(self) -> None:
        """Release it."""
