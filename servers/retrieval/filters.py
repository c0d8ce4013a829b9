"""Probes for the rankers of one search, all looking at the same documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.vectors.contract import Place, Probe, Using
from schemas.chunk import Filters
from schemas.message import VersionId

if TYPE_CHECKING:
    from runtime.vectors.contract import Floats


@dataclass(frozen=True)
class Scope:
    """What a search may look at: the caller's filters, less the versions that are being built or were replaced."""

    filters: Filters
    hidden: tuple[VersionId, ...]
    places: frozenset[Place] | None = None
    """Only these pages, if given."""

    def by_meaning(self, dense: Floats, top_k: int) -> Probe:
        """A search for the nearest vectors."""
        return Probe("dense", top_k, dense=dense, filters=self.filters, exclude=self.hidden, places=self.places)

    def by_words(self, using: Using, terms: Mapping[int, float], top_k: int) -> Probe:
        """A search for terms."""
        return Probe(using, top_k, terms=terms, filters=self.filters, exclude=self.hidden, places=self.places)
