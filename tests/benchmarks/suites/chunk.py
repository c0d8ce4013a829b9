"""Pages to chunks: our cutter by sentences and tokens, the tokeniser alone, and LangChain's splitter by tokens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, ratio, row
from tests.benchmarks.texts import DEFAULT, pages

MOST_OVER_TOKENS = 1.5
"""The cutter's CPU time by that of the tokeniser, which it cannot do without."""


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The pieces that ingestion makes."""
    from runtime.models.embedded import MiniLM
    from runtime.records.contract import PageRecord
    from servers.ingestion.split import split

    read = [PageRecord(number, text, None, (), 0.0, 0.0) for number, text in enumerate(ask["texts"], 1)]
    tokens = MiniLM().token_spans
    tokens("warm")
    with lap:
        pieces = split(read, tokens, size=ask["size"], overlap=ask["overlap"])
    return {"chunks": len(pieces)}


def tokens(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The tokeniser of the model alone."""
    from runtime.models.embedded import MiniLM

    spans = MiniLM().token_spans
    spans("warm")
    with lap:
        for text in ask["texts"]:
            spans(text)
    return {"chunks": 0}


def run(plan: Plan) -> Report:
    """Cut the same pages."""
    most = plan.count(400, 10)
    texts = [page.text for path in plan.files for page in pages(Path(path))][:most]
    ask = {"texts": texts, "size": DEFAULT.size, "overlap": DEFAULT.overlap}
    here = "tests.benchmarks.suites.chunk"
    cases = [Case("ours", f"{here}:ours", ask), Case("tokeniser alone", f"{here}:tokens", ask)]
    cases += plan.reference(
        "LangChain, by tokens", "langchain:chunk", "langchain_text_splitters", {**ask, "model": str(plan.model)}
    )
    figures = interleaved(cases, plan.rounds)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    rows = [
        row(name, figure, MB_per_CPU_s=megabytes / max(figure.cpu, 1e-9), chunks=figure.told["chunks"])
        for name, figure in figures.items()
    ]
    over = ratio(figures["ours"].cpu, figures["tokeniser alone"].cpu)
    bar = Bar("CPU by that of the tokeniser alone", over, "at most", MOST_OVER_TOKENS)
    return Report("chunk", f"{len(texts)} pages, {megabytes:.2f} MB of text, {DEFAULT}", rows, [bar])
