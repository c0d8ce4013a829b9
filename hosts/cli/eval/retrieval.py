"""`agentrag eval retrieval`: the pages, or the texts, that the retrieval agent finds for each question."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from hosts.cli.console import Console, Exit
from hosts.cli.eval.bench import Bench, Keep, bench
from hosts.cli.eval.corpus import Library, corpus_of
from hosts.cli.eval.queries import Question, questions_of
from hosts.cli.eval.rows import rows
from hosts.cli.eval.run_file import Row, RunFile
from schemas.chunk import Chunk
from schemas.skills import HYBRID_SEARCH, HybridSearch, OnePer

CorpusPath = Annotated[
    Path, Parameter(name="--corpus", help='Folder of documents, or JSON lines {"_id", "title"?, "text"}, plain or .gz.')
]
QueriesPath = Annotated[
    Path, Parameter(name="--queries", help='JSON lines {"id", "question", "scope"?}; scope lists file names.')
]
OutPath = Annotated[Path, Parameter(name="--out", help="Where the run goes, one JSON object a line.")]


async def retrieval(
    *,
    corpus: CorpusPath,
    queries: QueriesPath,
    out: OutPath,
    k: Annotated[
        int,
        Parameter(name="--k", help="Pages, or texts, for each question.", validator=validators.Number(gte=1, lte=100)),
    ] = 20,
    keep: Keep = None,
) -> Exit:
    """Write down what the retrieval agent finds, best first, for scoring elsewhere."""
    console = Console()
    run, given = RunFile.at(out, (corpus, queries)), corpus_of(corpus)
    asked = questions_of(queries, given.names)
    async with bench(keep, console) as on:
        began = time.perf_counter()
        library = await given.ingested(on.api, console)
        ingested = time.perf_counter()
        finder = Finder(on, library, k)
        found = await rows(console, "questions", asked, finder.row, finder.empty)
        ended = time.perf_counter()
    run.write(found)
    console.say(
        f"{len(found)} questions in {ended - ingested:.1f} s, {len(library.doc_ids)} documents in "
        f"{ingested - began:.1f} s; the run is in {out}"
    )
    return Exit.OK


class Finder:
    """Asks the retrieval agent and words what it finds."""

    def __init__(self, on: Bench, library: Library, k: int) -> None:
        self._on = on
        self._library = library
        self._names = library.names
        self._k = k
        self._one_per: OnePer = "page" if library.has_pages else "document"

    async def row(self, question: Question) -> Row:
        """The row of a question. Raises InvalidInputError when the agent refuses it."""
        return {"id": question.id, "retrieved": await self.found(question)}

    def empty(self, question: Question) -> Row:
        """The row of a question that cannot be asked."""
        return {"id": question.id, "retrieved": []}

    async def found(self, question: Question) -> list[Row]:
        """Pages or texts, best first; a document that goes by several names is there under each."""
        filters = self._library.filters(question)
        if filters is None:
            return []
        ask = HybridSearch(query=question.asked(), top_k=self._k, filters=filters, one_per=self._one_per)
        chunks = (await self._on.call(HYBRID_SEARCH, ask)).chunks
        named = [(name, chunk) for chunk in chunks for name in self._names[chunk.doc_id] if _is_meant(name, question)]
        return [self._place(name, chunk) for name, chunk in named[: self._k]]

    def _place(self, name: str, chunk: Chunk) -> Row:
        page = {"page": chunk.page} if self._library.has_pages else {}
        return {"doc": name, **page, "score": chunk.score}


def _is_meant(name: str, question: Question) -> bool:
    return question.scope is None or name in question.scope
