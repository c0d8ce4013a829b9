"""A question to a report: our agent's search over MCP, with its store, against the peers' retrievers in process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Figure, Lap, interleaved, measured
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row, ratio, row
from tests.benchmarks.suites.ingest import LANGCHAIN, PEERS, WHOLE
from tests.benchmarks.texts import DEFAULT, passages, questions

TOP = 5


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """`hybrid_search` of a retrieval server: by meaning and words, with everything around it."""
    from tests.benchmarks.agents import at_work
    from tests.benchmarks.callers import asking, connections

    async def work() -> int:
        async with at_work(Path(ask["folder"])) as agents, connections(1) as http:
            url = await agents.serve("retrieval")
            await asking(http, url, "hybrid_search", iter(["What is warm?"]))()
            act = asking(http, url, "hybrid_search", iter(ask["questions"]))
            with lap:
                answers = [await act() for _ in ask["questions"]]
        return sum(len(json.loads(one)["result"]["structuredContent"]["chunks"]) for one in answers)

    return {"found": asyncio.run(work())}


def run(plan: Plan) -> Report:
    """Ask the same questions, none of them twice, of what each has made of the same report."""
    path, length = plan.corpus.report()
    asked = questions(passages([path], DEFAULT, 200), plan.count(100, 3))
    ask = {"file": str(path), "model": str(plan.model), "questions": asked, "top": TOP, "profile": "minilm"}
    own = {**ask, "folder": str(plan.scratch / "query-ours")}
    measured(Case(WHOLE, "tests.benchmarks.suites.ingest:ours", own))
    cases = [Case(WHOLE, "tests.benchmarks.suites.query:ours", own)]
    for name, (module, needs) in PEERS.items():
        theirs = {**ask, "folder": str(plan.scratch / f"query-{module}")}
        for case in plan.reference(name, f"{module}:ingest", needs, theirs):
            measured(case)
        cases += plan.reference(name, f"{module}:query", needs, theirs)
    figures = interleaved(cases, plan.rounds)
    bars = [
        Bar(f"wall time of a question: times as fast, {WHOLE} against {name}", ratio(figure.wall, figures[WHOLE].wall))
        for name, figure in figures.items()
        if name == LANGCHAIN
    ]
    rows = [_row(name, figure, len(asked)) for name, figure in figures.items()]
    return Report("query", f"{len(asked)} questions to a report of {length} pages, {TOP} chunks each", rows, bars)


def _row(name: str, figure: Figure, asked: int) -> Row:
    return row(
        name, figure, **figure.told, wall_ms_each=1000 * figure.wall / asked, CPU_ms_each=1000 * figure.cpu / asked
    )
