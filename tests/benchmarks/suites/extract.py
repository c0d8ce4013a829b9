"""Pages of PDFs to text: ours, with page labels and a map back to the file's characters, against pypdf's plain text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, Figure, Lap, interleaved
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, Row, ratio, row


def ours(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The pages as ingestion reads them."""
    from runtime.pagetext import normalise
    from runtime.pdfium import PdfFile

    pages = chars = 0
    with lap:
        for path in ask["files"]:
            with PdfFile.open(Path(path)) as pdf:
                for number in range(1, min(pdf.page_count, ask["pages_each"]) + 1):
                    text, _ = normalise(pdf.page(number).text)
                    pages, chars = pages + 1, chars + len(text)
    return {"pages": pages, "chars": chars}


def pypdf(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """What the usual pipelines read PDFs with."""
    from pypdf import PdfReader

    pages = chars = 0
    with lap:
        for path in ask["files"]:
            for page in PdfReader(path).pages[: ask["pages_each"]]:
                pages, chars = pages + 1, chars + len(page.extract_text())
    return {"pages": pages, "chars": chars}


def run(plan: Plan) -> Report:
    """Compare the two on the first pages of each file."""
    ask = {"files": plan.files, "pages_each": plan.count(40, 4)}
    here = "tests.benchmarks.suites.extract"
    figures = interleaved([Case("ours", f"{here}:ours", ask), Case("pypdf", f"{here}:pypdf", ask)], plan.rounds)
    rows = [_row(name, figure) for name, figure in figures.items()]
    bar = Bar("CPU: times as fast as pypdf", ratio(figures["pypdf"].cpu, figures["ours"].cpu), "at least", 10)
    about = f"{figures['ours'].told['pages']} pages of {len(plan.files)} files"
    return Report("extract", about, rows, [bar])


def _row(name: str, figure: Figure) -> Row:
    pages = figure.told["pages"]
    return row(name, figure, CPU_ms_per_page=1000 * figure.cpu / pages, chars=figure.told["chars"])
