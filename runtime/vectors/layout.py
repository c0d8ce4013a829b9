"""How units lie in a Qdrant Edge shard: its vectors, its payload indexes, and searches in their terms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeOptimizersConfig,
    EdgeSparseVectorParams,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    IntegerIndexParams,
    KeywordIndexParams,
    MatchAny,
    MatchValue,
    Modifier,
    Query,
    QueryRequest,
    RangeFloat,
    SparseVector,
    UpdateOperation,
)

from runtime.vectors.contract import Kind, Using
from runtime.vectors.wire import Sought, floats

TERMS: dict[Kind, Using] = {"chunk": "chunk_terms", "page": "page_terms", "document": "document_terms"}
"""The named vector that holds the terms of each kind of unit."""

NEVER_KB = 1_000_000_000
"""More kilobytes than a segment can reach before a graph index would be built."""


def config(dimension: int) -> EdgeConfig:
    """A shard without a graph index, whose writes go through a log."""
    return EdgeConfig(
        vectors={"dense": EdgeVectorParams(size=dimension, distance=Distance.Dot)},
        sparse_vectors={using: EdgeSparseVectorParams(modifier=Modifier.Idf) for using in TERMS.values()},
        optimizers=EdgeOptimizersConfig(default_segment_number=1, indexing_threshold=NEVER_KB),
        max_search_threads=1,
        wal_enabled=True,
    )


def length_field(kind: Kind) -> str:
    """Where the number of terms of a unit stands."""
    return f"{kind}_length"


def step_field(kind: Kind) -> str:
    """Where the step stands that its terms are weighed at."""
    return f"{kind}_step"


def indexes() -> Iterator[UpdateOperation]:
    """Payload indexes: keywords and dates for filters, lengths and steps to be counted by value."""
    for field in ("kind", "document", "version", "language", "place"):
        yield UpdateOperation.create_field_index(field, KeywordIndexParams(enable_hnsw=False))
    yield UpdateOperation.create_field_index("day", IntegerIndexParams(lookup=False, range=True, enable_hnsw=False))
    for kind in TERMS:
        for field in (length_field(kind), step_field(kind)):
            yield UpdateOperation.create_field_index(
                field, IntegerIndexParams(lookup=True, range=False, enable_hnsw=False)
            )


def equals(field: str, value: str | int) -> FieldCondition:
    """A field has this value."""
    return FieldCondition(field, match=MatchValue(value))


def one_of(field: str, values: Sequence[str] | Sequence[int]) -> FieldCondition:
    """A field has one of these values."""
    return FieldCondition(field, match=MatchAny(cast(Any, list(values))))


def place_key(version: str, page: int) -> str:
    """A page as one keyword: asking for hundreds of them costs a hundredth of asking for version and number of each."""
    return f"{version}/{page}"


def on_pages(places: Mapping[str, Sequence[int]]) -> FieldCondition:
    """A unit lies on one of these pages, given by version."""
    return one_of("place", [place_key(version, page) for version, pages in places.items() for page in pages])


def narrowed(sought: Sought, exclude: Sequence[str] = ()) -> Filter | None:
    """What a search may find, as a filter; `exclude` are versions that the index shall leave out."""
    must: list[Any] = []
    if sought.documents:
        must.append(one_of("document", sought.documents))
    if sought.languages:
        must.append(one_of("language", sought.languages))
    if sought.since is not None or sought.until is not None:
        must.append(FieldCondition("day", range=RangeFloat(gte=sought.since, lte=sought.until)))
    if sought.places is not None:
        of_documents = sought.using == TERMS["document"]
        must.append(one_of("version", list(sought.places)) if of_documents else on_pages(sought.places))
    must_not: list[Any] = [one_of("version", exclude)] if exclude else []
    return Filter(must=must, must_not=must_not) if must or must_not else None


def _query(sought: Sought) -> Query:
    if sought.dense is not None:
        return Query.Nearest(cast(Any, floats(sought.dense)), using=sought.using)
    return Query.Nearest(SparseVector(list(sought.weights), list(sought.weights.values())), using=sought.using)


def request(sought: Sought, limit: int, which: Filter | None) -> QueryRequest:
    """A search for the best `limit` units."""
    query: Any = _query(sought)
    return QueryRequest(limit=limit, query=query, filter=which)
