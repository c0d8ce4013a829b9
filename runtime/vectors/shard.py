"""One tenant's index in a Qdrant Edge shard. Everything here blocks; long work comes in slices of a few milliseconds.

Searches are exact: the shard has no graph index. Points are written through a log, so that killing the process loses
nothing of what was acknowledged; once the system has written the log out, a power cut does not either. The library's
`flush`, after which a start need not read the log, waits for the disk with the interpreter locked: for quiet moments.
"""

from __future__ import annotations

import os
import shutil
import sys
from array import array
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from qdrant_edge import (
    CountRequest,
    EdgeShard,
    FacetRequest,
    FieldCondition,
    Filter,
    Point,
    PointVectors,
    QueryBatchRequest,
    ScrollRequest,
    SparseVector,
    UpdateOperation,
)

from runtime.errors import FingerprintError, StoreUnavailableError
from runtime.vectors.cards import REMEMBERED, Cards, card
from runtime.vectors.contract import Kind, Place
from runtime.vectors.exact import COSINE_DIGITS, ExactScores, Slack, cut
from runtime.vectors.layout import (
    TERMS,
    config,
    equals,
    indexes,
    length_field,
    narrowed,
    on_pages,
    one_of,
    place_key,
    request,
    step_field,
)
from runtime.vectors.weights import grid_step, reweigh, weigh
from runtime.vectors.wire import Entry, Match, Sought, floats
from runtime.vectors.writeback import written_out
from schemas.message import VersionId

T = TypeVar("T")
Pause = Callable[[], None] | None
"""What may be done meanwhile in a thread, for it waits for the disk alone."""
Slices = Generator[Pause, None, T]
"""Work that pauses between slices and ends with a value."""

SLICE: dict[Kind, int] = {"chunk": 32, "page": 8, "document": 4}
"""Units that are written in one slice, some 5 ms."""

SPARE_HITS = 8
"""Hits asked for beyond `top_k`, so that equal scores at the end of a list can be put in order."""

EXCLUDED_SPARE_HITS = 64
"""The same when versions are left out, which is much quicker done afterwards than by the index."""

UNFINISHED = ".new-"
"""What stands after the name of a shard that is being made, before the number of the process that makes it."""

DEEPEST_HITS = 4000
"""Hits beyond which equal scores are no longer put in order."""

MOST_IN_LOG = 20_000
"""Points written before `flush` is called even though it is not quiet; a start reads so many in two seconds."""

PAGES_AT_ONCE = 500
"""Pages whose places are read in one slice, some 5 ms."""


def _spare(sought: Sought) -> int:
    return EXCLUDED_SPARE_HITS if sought.exclude else SPARE_HITS


class Shard:
    """The units of one tenant. One writer at a time; searches may come between the slices of its work."""

    def __init__(self, edge: EdgeShard, folder: Path, dimension: int, remembered: int = REMEMBERED) -> None:
        self._edge = edge
        self._folder = folder
        self._dimension = dimension
        self._steps: dict[Kind, int] = {}
        self._cards = Cards(edge, remembered)
        self._places: dict[bytes, Place] = {}
        self._exact = ExactScores(edge)
        self._in_log = 0
        self.has_holes = False
        """Whether units were removed since the last `tidy`."""

    @classmethod
    def create(cls, folder: Path, dimension: int) -> None:
        """Make an empty shard; it is there whole or not at all, and only one of those who make it at once."""
        unfinished = folder.with_name(f"{folder.name}{UNFINISHED}{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700, parents=True)
        edge = EdgeShard.create(str(unfinished), config(dimension))
        for operation in indexes():
            edge.update(operation)
        edge.flush()
        edge.close()
        try:
            unfinished.rename(folder)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not folder.exists():
                raise

    @classmethod
    def open(cls, folder: Path, dimension: int, remembered: int = REMEMBERED) -> Shard:
        """Open an existing shard. Raises StoreUnavailableError when its files are damaged."""
        try:
            return cls(EdgeShard.load(str(folder), config(dimension)), folder, dimension, remembered)
        except Exception as error:  # the library raises what its core says, of no class of its own
            raise StoreUnavailableError(
                f"cannot open the index in {folder}: {error}; restore the folder from a backup, or move it away and "
                f"process the documents again"
            ) from error

    # writing ----------------------------------------------------------------------------------------------------------

    def upsert(self, entries: Sequence[Entry]) -> Slices[int]:
        """Write entries, weighed provisionally; return how many."""
        for kind, size in SLICE.items():
            of_kind = [entry for entry in entries if entry.kind == kind]
            for start in range(0, len(of_kind), size):
                part = of_kind[start : start + size]
                step = self._step(kind, part)
                self._forget(entry.id for entry in part)
                self._write(UpdateOperation.upsert_points([self._point(entry, step) for entry in part]), len(part))
                yield None
        return len(entries)

    def _step(self, kind: Kind, entries: Sequence[Entry]) -> int:
        """The corpus' step as last seen; for an empty corpus that of the first entries."""
        if kind not in self._steps:
            seen = self._corpus_step(kind)
            lengths = [sum(entry.counts.values()) for entry in entries]
            self._steps[kind] = seen if seen is not None else grid_step(sum(lengths) / len(lengths))
        return self._steps[kind]

    def _point(self, entry: Entry, step: int) -> Point:
        length = sum(entry.counts.values())
        vectors: dict[str, Any] = {TERMS[entry.kind]: SparseVector(*weigh(entry.counts, length, step))}
        if entry.dense is not None:
            vectors["dense"] = floats(entry.dense)
            self._check_dimension(len(vectors["dense"]))
        payload = {
            "kind": entry.kind,
            "document": entry.document,
            "version": entry.version,
            "page": entry.page,
            "place": place_key(entry.version, entry.page),
            "language": entry.language,
            "day": entry.day,
            length_field(entry.kind): length,
            step_field(entry.kind): step,
            "payload": entry.payload,
        }
        return Point(entry.id, vectors, payload)

    def _check_dimension(self, dimension: int) -> None:
        if dimension != self._dimension:
            raise FingerprintError(
                f"a vector has {dimension} numbers, those of this index have {self._dimension}; "
                f"use the model that the index was built with"
            )

    def seal(self, versions: Sequence[tuple[str, str]]) -> Slices[list[int]]:
        """Weigh all terms by the corpus, make all durable, return how many chunks each (document, version) holds."""
        yield from self._reweigh()
        yield from self._make_durable()
        return [self._chunks(document, version) for document, version in versions]

    def _write(self, operation: UpdateOperation, points: int) -> None:
        self._edge.update(operation)
        self._in_log += points

    def _make_durable(self) -> Iterator[Pause]:
        yield lambda: written_out(self._folder)
        if self._in_log > MOST_IN_LOG:
            self._flush()

    def _flush(self) -> None:
        self._edge.flush()
        self._in_log = 0

    def delete(self, document: str, version: str | None) -> Slices[int]:
        """Remove a document or one version of it and weigh the rest anew; return how many chunks went."""
        chunks = self._chunks(document, version)
        for kind, size in SLICE.items():
            theirs = Filter(must=[equals("kind", kind), *self._whose(document, version)])
            while ids := [point.id for point in self._page_of(theirs, size)]:
                # An index forgets the terms of a vector that is emptied, but not those of a point that is deleted.
                empty = [PointVectors(id_, {TERMS[kind]: SparseVector([], [])}) for id_ in ids]
                self._write(UpdateOperation.update_vectors(empty), len(ids))
                self._write(UpdateOperation.delete_points(ids), len(ids))
                self._forget(ids)
                self.has_holes = True
                yield None
        yield from self._reweigh()
        yield from self._make_durable()
        return chunks

    @staticmethod
    def _whose(document: str, version: str | None) -> list[FieldCondition]:
        return [equals("document", document), *([] if version is None else [equals("version", version)])]

    def _page_of(self, which: Filter, limit: int, **wanted: Any) -> list[Any]:
        return self._edge.scroll(ScrollRequest(limit=limit, filter=which, **wanted))[0]

    def _chunks(self, document: str, version: str | None) -> int:
        theirs = Filter(must=[equals("kind", "chunk"), *self._whose(document, version)])
        return self._edge.count(CountRequest(filter=theirs))

    # weights ----------------------------------------------------------------------------------------------------------

    def _values(self, field: str) -> Counter[int]:
        """How many units have which value of a whole-number field."""
        hits = self._edge.facet(FacetRequest(key=field, limit=1_000_000, exact=True)).hits
        return Counter({int(hit.value): hit.count for hit in hits if hit.count})

    def _corpus_step(self, kind: Kind) -> int | None:
        """The step of the average length of all units of a kind; None when there are none."""
        lengths = self._values(length_field(kind))
        if not lengths:
            return None
        return grid_step(sum(length * units for length, units in lengths.items()) / lengths.total())

    def _reweigh(self) -> Iterator[Pause]:
        """Bring every unit to the step of the corpus as it is now."""
        for kind in TERMS:
            step = self._corpus_step(kind)
            yield None
            if step is None:
                self._steps.pop(kind, None)
                continue
            self._steps[kind] = step
            stale = [other for other in self._values(step_field(kind)) if other != step]
            yield None
            if stale:
                yield from self._bring(kind, Filter(must=[one_of(step_field(kind), stale)]), step)

    def _bring(self, kind: Kind, which: Filter, step: int) -> Iterator[Pause]:
        using, length = TERMS[kind], length_field(kind)
        wanted = {"with_vector": [using], "with_payload": [length]}
        while points := self._page_of(which, SLICE[kind], **wanted):
            vectors = []
            for point in points:
                old = point.vector[using]
                new = reweigh(old.indices, old.values, point.payload[length], step)
                vectors.append(PointVectors(point.id, {using: SparseVector(*new)}))
            # A vector carries its step, so a crash between these two only has the same work done again.
            self._write(UpdateOperation.update_vectors(vectors), len(points))
            self._write(UpdateOperation.set_payload([one.id for one in points], {step_field(kind): step}), len(points))
            yield None

    # reading ----------------------------------------------------------------------------------------------------------

    def search(self, probes: Sequence[Sought]) -> list[list[Match]]:
        """Run searches together; one ranked list for each, best first."""
        for sought in probes:
            if sought.dense is not None:
                self._check_dimension(len(sought.dense) // 4)
        able = [sought for sought in probes if sought.dense is not None or sought.weights]
        found = dict(zip(map(id, able), self._run(able), strict=True)) if able else {}
        return [found.get(id(sought), []) for sought in probes]

    def _run(self, probes: Sequence[Sought]) -> list[list[Match]]:
        requests = [request(sought, sought.top_k + _spare(sought), narrowed(sought)) for sought in probes]
        lists = self._edge.query_batch(QueryBatchRequest(requests))
        ranked = [self._complete(sought, points) for sought, points in zip(probes, lists, strict=True)]
        known = self._cards.of({id_ for found in ranked for _, id_ in found})
        return [[(score, known[id_]) for score, id_ in found] for found in ranked]

    def _complete(self, sought: Sought, points: Sequence[Any]) -> list[tuple[float, bytes]]:
        """The hits, searched for deeper when too many were excluded, or equal scores go on beyond what was asked."""
        limit, which = sought.top_k + _spare(sought), narrowed(sought)
        while True:
            ranked = self._ranked(sought, points)
            enough = len(ranked) >= sought.top_k
            if len(points) < limit or limit > DEEPEST_HITS:
                return ranked[: sought.top_k]
            if enough and Slack.of(sought.weights).highest(points[-1].score) < ranked[sought.top_k - 1][0]:
                return ranked[: sought.top_k]
            limit *= 4
            which = which if enough else narrowed(sought, sought.exclude)
            points = self._edge.query(request(sought, limit, which))

    def _ranked(self, sought: Sought, points: Sequence[Any]) -> list[tuple[float, bytes]]:
        """Scores and ids without excluded versions, equal ones in order of id: the same whichever way units came in."""
        found = {point.id.bytes: point.score for point in points}
        if sought.exclude:
            known = self._cards.of(found)
            found = {id_: score for id_, score in found.items() if known[id_].version not in sought.exclude}
        if sought.dense is None:
            scores = self._exact.of(sought.using, sought.weights, found)
        else:
            scores = [cut(score, COSINE_DIGITS) for score in found.values()]
        return sorted(zip(scores, found, strict=True), key=lambda ranked: (-ranked[0], ranked[1]))

    def _forget(self, ids: Iterable[UUID]) -> None:
        self._exact.forget()
        for id_ in ids:
            self._cards.forget(id_.bytes)
            self._places.pop(id_.bytes, None)

    def fetch(self, places: Mapping[str, Sequence[int]]) -> list[Match]:
        """All chunks on pages, given by version, in no order."""
        return [(0.0, card(point)) for point in self._on(places, with_payload=True)]

    def vectors(self, places: Mapping[str, Sequence[int]]) -> list[tuple[bytes, bytes]]:
        """Ids and float32 bytes of the vectors of all chunks on pages, given by version, in no order."""
        points = self._on(places, with_vector=["dense"])
        return [(point.id.bytes, array("f", point.vector["dense"]).tobytes()) for point in points]

    def _on(self, places: Mapping[str, Sequence[int]], **wanted: Any) -> list[Any]:
        """The chunks on pages, given by version."""
        if not places:
            return []
        which = Filter(must=[equals("kind", "chunk"), on_pages(places)])
        limit = self._edge.count(CountRequest(filter=which))
        return self._page_of(which, limit, **wanted) if limit else []

    def pages(self, sought: Sought) -> Iterator[list[Place]]:
        """All pages that hold any of the terms sought, or all pages when there are none; slice by slice."""
        excluded = frozenset(sought.exclude)
        ids = self._page_ids(sought)
        for start in range(0, len(ids), PAGES_AT_ONCE):
            places = self._known_places(ids[start : start + PAGES_AT_ONCE])
            yield [place for place in places if place[0] not in excluded]

    def _page_ids(self, sought: Sought) -> list[bytes]:
        """The units of all pages that hold a term; a term's list in the index is exact, for each has a weight > 0."""
        limit = self._edge.count(CountRequest(filter=Filter(must=[equals("kind", "page")])))
        if not limit:
            return []
        which = narrowed(sought)
        if sought.weights:
            points: list[Any] = self._edge.query(request(sought, limit, which))
            return [point.id.bytes for point in points]
        must: list[Any] = [equals("kind", "page"), *([which] if which else [])]
        points = self._page_of(Filter(must=must), limit, with_payload=False)
        return [point.id.bytes for point in points]

    def _known_places(self, ids: Sequence[bytes]) -> list[Place]:
        """The places of page units, from memory as far as they were asked for before."""
        missing: list[Any] = [UUID(bytes=id_) for id_ in ids if id_ not in self._places]
        if missing:
            read: list[Any] = self._edge.retrieve(missing, with_payload=["version", "page"], with_vector=False)
            self._places |= {
                point.id.bytes: (VersionId(point.payload["version"]), int(point.payload["page"])) for point in read
            }
        return [self._places[id_] for id_ in ids if id_ in self._places]

    # keeping ----------------------------------------------------------------------------------------------------------

    @property
    def is_untidy(self) -> bool:
        """Whether `tidy` has something to do."""
        return self.has_holes or self._in_log > 0

    def tidy(self) -> None:
        """Empty the log, and give back the room of removed units. Long calls: for quiet moments."""
        self._flush()
        if self.has_holes:
            self._edge.optimize()
            self.has_holes = False

    def close(self) -> None:
        """Make all durable and release the files."""
        self._edge.flush()
        self._edge.close()


if __name__ == "__main__":
    Shard.create(Path(sys.argv[1]), int(sys.argv[2]))
