"""The chunks whose words fit best: our index against rank-bm25, with the same tokens, k1, b and inverse frequencies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.message import DocumentId, TenantId, VersionId
from tests.benchmarks.case import Case, Figure, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row, ratio, row

if TYPE_CHECKING:
    from runtime.vectors.contract import Unit

TENANT, DOCUMENT, VERSION = TenantId("local"), DocumentId("doc"), VersionId("v")
TOP = 10
SAME = 1e-4
"""Scores that differ by less, relatively, are equal: the index keeps single precision."""


def through_store(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The embedded store as agents use it; its process' CPU time counts, too."""
    from runtime.vectors.contract import Probe
    from runtime.vectors.embedded import EmbeddedVectors
    from runtime.vectors.terms import terms

    async def search(folder: Path) -> list[list[int]]:
        store = await EmbeddedVectors.open(folder)
        await store.ensure(TENANT, "benchmark", 1)
        for batch in _units(ask):
            await store.upsert(TENANT, batch)
        await store.seal(TENANT, DOCUMENT, VERSION)

        async def ask_all(questions: Sequence[str]) -> list[list[int]]:
            probes = [Probe("chunk_terms", TOP, terms=terms(question, "en")) for question in questions]
            return [[hit.id.int for hit in (await store.search(TENANT, [probe]))[0]] for probe in probes]

        await ask_all(ask["warm"])
        with lap:
            found = await ask_all(ask["questions"])
        await store.close()
        return found

    with TemporaryDirectory() as folder:
        return {"found": asyncio.run(search(Path(folder)))}


def index_alone(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The store's index in the process of its caller, as rank-bm25 is."""
    from runtime.vectors.contract import Probe
    from runtime.vectors.shard import Shard
    from runtime.vectors.terms import terms
    from runtime.vectors.wire import pack_probe, pack_unit, unpack_entry, unpack_probe

    def ask_all(shard: Shard, questions: Sequence[str]) -> list[list[int]]:
        probes = (Probe("chunk_terms", TOP, terms=terms(question, "en")) for question in questions)
        matches = (shard.search([unpack_probe(pack_probe(probe))])[0] for probe in probes)
        return [[UUID(bytes=card.id).int for _, card in found] for found in matches]

    with TemporaryDirectory() as folder:
        Shard.create(Path(folder, "shard"), 1)
        shard = Shard.open(Path(folder, "shard"), 1)
        for batch in _units(ask):
            list(shard.upsert([unpack_entry(pack_unit(unit)) for unit in batch]))
        list(shard.seal([(DOCUMENT, VERSION)]))
        ask_all(shard, ask["warm"])
        with lap:
            found = ask_all(shard, ask["questions"])
        shard.close()
        return {"found": found}


def _units(ask: Mapping[str, Any]) -> Iterator[list[Unit]]:
    """The texts as chunks, a thousand at a time."""
    from runtime.vectors.contract import Unit
    from runtime.vectors.terms import terms

    texts = json.loads(Path(ask["texts"]).read_text())
    for start in range(0, len(texts), 1000):
        yield [
            Unit(UUID(int=number), "chunk", DOCUMENT, VERSION, 1, terms(text, "en"), {"content": text})
            for number, text in enumerate(texts[start : start + 1000], start)
        ]


def rank_bm25(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """What the best are, and which are no worse than the last of them."""
    import numpy as np
    from rank_bm25 import BM25Okapi

    from runtime.vectors.terms import words
    from runtime.vectors.weights import K1, B

    corpus = [words(text, "en") for text in json.loads(Path(ask["texts"]).read_text())]
    index = BM25Okapi(corpus, k1=K1, b=B)
    index.idf = _inverse_frequencies(corpus)
    best, tied = [], []
    with lap:
        for question in ask["questions"]:
            scores = index.get_scores(words(question, "en"))
            order = np.argsort(-scores, kind="stable")
            last = scores[order[TOP - 1]]
            best.append([int(at) for at in order[:TOP] if scores[at] > last * (1 + SAME)])
            tied.append([int(at) for at in order[: 10 * TOP] if abs(scores[at] - last) <= last * SAME])
    return {"found": best, "tied": tied}


def _inverse_frequencies(corpus: Sequence[Sequence[str]]) -> dict[str, float]:
    """As Lucene has them, never negative. Source: Robertson & Zaragoza, section 3.1, with 1 added in the logarithm."""
    from collections import Counter
    from math import log

    held = Counter(word for words in corpus for word in set(words))
    return {word: log(1 + (len(corpus) - count + 0.5) / (count + 0.5)) for word, count in held.items()}


def run(plan: Plan) -> Report:
    """Ask both the same questions."""
    from tests.benchmarks.texts import DEFAULT, passages, questions

    count = plan.count(20_000, 300)
    real = passages(map(Path, plan.files), DEFAULT, plan.count(4_000, 60))
    plan.scratch.mkdir(parents=True, exist_ok=True)
    place = plan.scratch / "keyword-texts.json"
    place.write_text(json.dumps(list(recombined(real, count))))
    warm, many_asked = plan.count(50, 1), plan.count(200, 10)
    asked = questions(real, many_asked + warm)
    many = {"texts": str(place), "questions": asked[:many_asked], "warm": asked[many_asked:]}
    few = {"texts": str(place), "questions": asked[: plan.count(40, 10)]}
    here = "tests.benchmarks.suites.keyword"
    cases = [
        Case("ours, the index", f"{here}:index_alone", many),
        Case("ours, through the store", f"{here}:through_store", many),
        Case("rank-bm25", f"{here}:rank_bm25", few),
    ]
    figures = interleaved(cases, plan.rounds)
    index, store, theirs = figures.values()
    about = f"CPU per search: times as fast as rank-bm25, {count} chunks"
    bars = [
        Bar(f"{about}, both in one process", ratio(_ms(theirs), _ms(index)), "at least", 100),
        Bar(f"{about}, ours in a process apart", ratio(_ms(theirs), _ms(store))),
        Bar("questions with the same ten chunks as rank-bm25", agreement(index.told, theirs.told), "at least", 0.8),
        Bar(
            "questions with the same ten chunks through the store", agreement(store.told, theirs.told), "at least", 0.8
        ),
    ]
    return Report("keyword", f"{count} chunks, {DEFAULT}", [_row(*one) for one in figures.items()], bars)


def recombined(real: Sequence[str], count: int) -> Iterator[str]:
    """So many texts, the real ones first, then halves of two."""
    import random

    chance = random.Random(3)
    yield from real[:count]
    for _ in range(count - len(real)):
        one, other = chance.choice(real), chance.choice(real)
        yield f"{one[: len(one) // 2]} {other[len(other) // 2 :]}"


def agreement(own: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """The share of questions whose ten chunks are the same, where equal scores may stand for each other."""
    rows = list(zip(own["found"], theirs["found"], theirs["tied"], strict=False))
    return sum(set(best) <= set(found) <= {*best, *tied} for found, best, tied in rows) / len(rows)


def _ms(figure: Figure) -> float:
    return 1000 * figure.cpu / len(figure.told["found"])


def _row(name: str, figure: Figure) -> Row:
    searches = len(figure.told["found"])
    return row(name, figure, searches=searches, wall_ms_each=1000 * figure.wall / searches, CPU_ms_each=_ms(figure))
