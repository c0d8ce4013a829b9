"""`agentrag eval retrieval`: the pages, or the texts, that the retrieval agent finds for each question."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from hosts.cli.console import Console, Exit
from hosts.cli.eval.bench import Bench, Keep
from hosts.cli.eval.corpus import Library
from hosts.cli.eval.measure import CorpusPath, OutPath, QueriesPath, measured
from hosts.cli.eval.queries import Question
from hosts.cli.eval.run_file import Row
from schemas.skills import HYBRID_SEARCH, HybridSearch, OnePer


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
    return await measured(Console(), corpus, queries, out, keep, lambda on, library: Finder(on, library, k))


class Finder:
    """Asks the retrieval agent and words what it finds."""

    def __init__(self, on: Bench, library: Library, k: int) -> None:
        self._on = on
        self._library = library
        self._names = library.names
        self._k = k
        self._one_per: OnePer = "page" if library.has_pages else "document"

    async def row(self, question: Question) -> Row:
        """Pages or texts, best first; a document that goes by several names is there under each."""
        filters = self._library.filters(question)
        if filters is None:
            return self.empty(question)
        ask = HybridSearch(query=question.asked(), top_k=self._k, filters=filters, one_per=self._one_per)
        found = (await self._on.call(HYBRID_SEARCH, ask)).chunks
        named = [(name, chunk) for chunk in found for name in self.names(chunk.doc_id, question)]
        retrieved = [{**self.place(name, chunk.page), "score": chunk.score} for name, chunk in named[: self._k]]
        return {"id": question.id, "retrieved": retrieved}

    def empty(self, question: Question) -> Row:
        """The row of a question that cannot be asked."""
        return {"id": question.id, "retrieved": []}

    def tell(self) -> None:
        """Nothing: the rows say it all."""

    def names(self, doc_id: str, question: Question) -> list[str]:
        """The names of a document, less those that a question is not about."""
        names = self._names[doc_id]
        return [name for name in names if question.scope is None or name in question.scope]

    def place(self, name: str, page: int) -> Row:
        """A page as rows name it, or a text, which has none."""
        return {"doc": name, "page": page} if self._library.has_pages else {"doc": name}
