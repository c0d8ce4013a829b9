"""`agentrag eval answer`: what people are answered, what it cites, and whether it says that there is no answer."""

from __future__ import annotations

from collections import Counter

from hosts.cli.console import Console, Exit, one_line
from hosts.cli.eval.bench import Bench, Keep
from hosts.cli.eval.corpus import Library
from hosts.cli.eval.measure import CorpusPath, OutPath, QueriesPath, measured
from hosts.cli.eval.queries import Question
from hosts.cli.eval.retrieval import Finder
from hosts.cli.eval.run_file import Row
from schemas.query import Query, Run

K = 20
"""Pages, or texts, that are written down beside each answer."""


async def answer(*, corpus: CorpusPath, queries: QueriesPath, out: OutPath, keep: Keep = None) -> Exit:
    """Write down each answer with its citations and what was found, for scoring elsewhere."""
    console = Console()

    def answering(on: Bench, library: Library) -> Answering:
        return Answering(on, library, Finder(on, library, K), console)

    return await measured(console, corpus, queries, out, keep, answering)


class Answering:
    """Asks as people ask, and words what comes back."""

    def __init__(self, on: Bench, library: Library, finder: Finder, console: Console) -> None:
        self._on = on
        self._library = library
        self._finder = finder
        self._console = console
        self.warnings: Counter[str] = Counter()

    async def row(self, question: Question) -> Row:
        """The row of a question. Raises InvalidInputError when the host refuses it."""
        filters = self._library.filters(question)
        if filters is None:
            return self.empty(question)
        found = await self._finder.row(question)
        run = await self._on.api.answered(Query(query=question.asked(), filters=filters))
        self._heed(question, run)
        return {**found, "answer": run.answer, "citations": self._citations(run, question), "abstained": run.abstained}

    def empty(self, question: Question) -> Row:
        """The row of a question that cannot be asked: no answer, and nobody who said that there is none."""
        return {**self._finder.empty(question), "answer": "", "citations": [], "abstained": False}

    def _citations(self, run: Run, question: Question) -> list[Row]:
        """The places that the answer cites, each once, in the order of its markers."""
        places = [
            tuple(self._finder.place(name, citation.page).items())
            for citation in run.citations
            for name in self._finder.names(citation.doc_id, question)
        ]
        return [dict(place) for place in dict.fromkeys(places)]

    def _heed(self, question: Question, run: Run) -> None:
        """Tell of a run that ended badly; what runs say of themselves otherwise is counted."""
        if run.error is not None:
            self._console.say(f"warning: line {question.line.number}, {run.status}: {one_line(run.error.detail)}")
        self.warnings.update(run.warnings)

    def tell(self) -> None:
        """Say how often the answers came with which warning."""
        for text, times in sorted(self.warnings.items()):
            self._console.say(f"{times} with the warning: {one_line(text)}")
