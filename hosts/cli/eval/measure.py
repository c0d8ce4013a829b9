"""A measurement: the corpus ingested, all questions asked, the run written, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Protocol

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from hosts.cli.eval.bench import Bench, bench
from hosts.cli.eval.corpus import Library, corpus_of
from hosts.cli.eval.queries import Question, questions_of
from hosts.cli.eval.rows import rows
from hosts.cli.eval.run_file import Row, RunFile

CorpusPath = Annotated[
    Path, Parameter(name="--corpus", help='Folder of documents, or JSON lines {"_id", "title"?, "text"}, plain or .gz.')
]
QueriesPath = Annotated[
    Path, Parameter(name="--queries", help='JSON lines {"id", "question", "scope"?}; scope lists file names.')
]
OutPath = Annotated[Path, Parameter(name="--out", help="Where the run goes, one JSON object a line.")]


class Rower(Protocol):
    """Makes the rows of a run."""

    async def row(self, question: Question) -> Row:
        """The row of a question. Raises InvalidInputError when the agents refuse it."""

    def empty(self, question: Question) -> Row:
        """The row of a question that they refused."""

    def tell(self) -> None:
        """Say what else is worth knowing at the end."""


async def measured(
    console: Console,
    corpus: Path,
    queries: Path,
    out: Path,
    keep: Path | None,
    rower: Callable[[Bench, Library], Rower],
) -> Exit:
    """Ingest the corpus, ask all questions, write the run. Raises InvalidInputError before any of it for a bad file."""
    run, given = RunFile.at(out, (corpus, queries)), corpus_of(corpus)
    asked = questions_of(queries, given.names)
    async with bench(keep, console) as on:
        began = time.perf_counter()
        library = await given.ingested(on.api, console)
        ingested = time.perf_counter()
        making = rower(on, library)
        made = await rows(console, "questions", asked, making.row, making.empty)
        ended = time.perf_counter()
    run.write(made)
    making.tell()
    console.say(
        f"{len(made)} questions in {ended - ingested:.1f} s, {len(library.doc_ids)} documents in "
        f"{ingested - began:.1f} s; the run is in {out}"
    )
    return Exit.OK
