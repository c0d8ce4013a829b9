"""What a store and its clients say to each other: units, probes and hits as plain lists for `runtime.frames`.

Vectors travel as little-endian float32 bytes, term indices and counts as little-endian uint32 bytes, payloads as JSON
text that the store keeps without reading it. Lists of hits tell each unit once and name it by its position.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from runtime.errors import AgentRAGError, InternalError, InvalidInputError, from_problem
from runtime.vectors.contract import Hit, Kind, Place, Probe, Unit, Using
from runtime.vectors.weights import MARK
from schemas.message import VersionId
from schemas.problem import Problem

if TYPE_CHECKING:
    from runtime.vectors.contract import Floats

PROTOCOL = 4
"""Raised when the two sides would misunderstand each other."""


@dataclass(frozen=True)
class Entry:
    """A unit as the store keeps it. `dense` is float32 bytes or None, `payload` JSON text, `day` an ordinal date."""

    id: UUID
    kind: Kind
    document: str
    version: str
    page: int
    counts: dict[int, int]
    payload: str
    dense: bytes | None
    language: str | None
    day: int | None


@dataclass(frozen=True)
class Sought:
    """A probe as the store runs it. `dense` is float32 bytes, or None for a search by `weights` of terms."""

    using: Using
    top_k: int
    dense: bytes | None
    weights: dict[int, float]
    documents: list[str]
    languages: list[str]
    since: int | None
    until: int | None
    exclude: list[str]
    places: dict[str, list[int]] | None = None


class Card(NamedTuple):
    """What the store tells of a unit; a plain tuple, because a search handles hundreds."""

    id: bytes
    kind: Kind
    document: str
    version: str
    page: int
    payload: bytes


Match = tuple[float, Card]
"""A score and whose it is."""


def _bytes(numbers: array[Any]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(kind: str, data: bytes) -> list[Any]:
    numbers = array(kind, data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def floats(data: bytes) -> list[float]:
    """The numbers of a packed vector."""
    return _numbers("f", data)


def _packed(vector: Floats | None) -> bytes | None:
    return None if vector is None else vector.astype("<f4").tobytes()


def _indices(terms: Mapping[int, Any]) -> bytes:
    if any(not 0 <= index < MARK for index in terms):
        raise InvalidInputError(f"a term index is not between 0 and {MARK - 1}; make terms with runtime.vectors.terms")
    return _bytes(array("I", terms))


def pack_unit(unit: Unit) -> list[Any]:
    """A unit for the wire. Raises InvalidInputError for a term index that does not fit 32 bits."""
    return [
        unit.id.bytes,
        unit.kind,
        unit.document,
        unit.version,
        unit.page,
        _indices(unit.terms),
        _bytes(array("I", unit.terms.values())),
        json.dumps(unit.payload, ensure_ascii=False, separators=(",", ":")),
        _packed(unit.dense),
        unit.language,
        None if unit.date is None else unit.date.toordinal(),
    ]


def unpack_entry(packed: Sequence[Any]) -> Entry:
    """The store's side of `pack_unit`."""
    id_, kind, document, version, page, indices, counts, payload, dense, language, day = packed
    terms = dict(zip(_numbers("I", indices), _numbers("I", counts), strict=True))
    return Entry(UUID(bytes=id_), kind, document, version, page, terms, payload, dense, language, day)


def _ordinal(day: date | None) -> int | None:
    return None if day is None else day.toordinal()


def pack_places(places: Iterable[Place]) -> dict[str, list[int]]:
    """Pages by their version, in order."""
    packed: dict[str, list[int]] = {}
    for version, page in sorted(places):
        packed.setdefault(version, []).append(page)
    return packed


def unpack_places(packed: Mapping[str, Sequence[int]]) -> frozenset[Place]:
    """The other side of `pack_places`."""
    return frozenset((VersionId(version), page) for version, pages in packed.items() for page in pages)


def pack_probe(probe: Probe) -> list[Any]:
    """A probe for the wire."""
    filters = probe.filters
    return [
        probe.using,
        probe.top_k,
        _packed(probe.dense),
        _indices(probe.terms),
        _bytes(array("f", probe.terms.values())),
        list(filters.doc_ids),
        list(filters.languages),
        _ordinal(filters.since),
        _ordinal(filters.until),
        list(probe.exclude),
        None if probe.places is None else pack_places(probe.places),
    ]


def unpack_probe(packed: Sequence[Any]) -> Sought:
    """The store's side of `pack_probe`."""
    using, top_k, dense, indices, values, *filters = packed
    weights = dict(zip(_numbers("I", indices), _numbers("f", values), strict=True))
    return Sought(using, top_k, dense, weights, *filters)


class Payload(Mapping[str, Any]):
    """A payload that is parsed when it is first looked at, since most hits are ranked by their scores alone."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self._text)
        return parsed

    def __getitem__(self, key: str) -> Any:
        return self._parsed[key]

    def __contains__(self, key: object) -> bool:
        return key in self._parsed

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed)

    def __len__(self) -> int:
        return len(self._parsed)

    def __repr__(self) -> str:
        return repr(self._parsed)


def pack_matches(lists: Sequence[Sequence[Match]]) -> dict[str, Any]:
    """Ranked lists for the wire."""
    cards: dict[bytes, Card] = {}
    for matches in lists:
        cards.update((card.id, card) for _, card in matches)
    at = {id_: position for position, id_ in enumerate(cards)}
    packed = [([score for score, _ in matches], [at[card.id] for _, card in matches]) for matches in lists]
    return {"cards": list(cards.values()), "lists": packed}


def unpack_hits(packed: Mapping[str, Any]) -> list[list[Hit]]:
    """The client's side of `pack_matches`."""
    units = [(card[:-1], Payload(card[-1])) for card in packed["cards"]]
    return [
        [Hit._make((*units[at][0], score, units[at][1])) for score, at in zip(scores, positions, strict=True)]
        for scores, positions in packed["lists"]
    ]


def unpack_vector(packed: bytes) -> Floats:
    """A vector as the client knows it."""
    import numpy as np

    return np.frombuffer(packed, "<f4").astype(np.float32)


def pack_error(error: Exception) -> dict[str, Any]:
    """An error for the wire; what is not ours says only its class, for its text may hold a user's words."""
    if not isinstance(error, AgentRAGError):
        error = InternalError(f"the store failed with {type(error).__name__}; its log has the details")
    return error.problem().model_dump(mode="json")


def unpack_error(packed: Mapping[str, Any]) -> AgentRAGError:
    """The client's side of `pack_error`."""
    return from_problem(Problem.model_validate(packed))
