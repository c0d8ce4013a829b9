"""Measure this project beside what others install: `python -m tests.benchmarks [--suite NAME] [--corpus DIR]`.

Each case is measured in fresh processes; cases take turns. Ratios stand in the summary alone. On a machine that is
busy with other things, trust CPU seconds and ratios rather than wall time.
"""

from __future__ import annotations

import argparse
import importlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.corpus import OWN_PAGES, QUICK_PAGES, Corpus
from tests.benchmarks.measure import machine
from tests.benchmarks.plan import Plan, found_peers
from tests.benchmarks.report import Report, summary

SUITES = (
    "extract",
    "chunk",
    "embed",
    "search",
    "keyword",
    "ingest",
    "query",
    "executors",
    "crash",
    "load",
    "memory",
    "gaps",
    "calls",
    "federation",
)


def run(suite: str, plan: Plan) -> Report:
    """One suite's report."""
    report: Report = importlib.import_module(f"tests.benchmarks.suites.{suite}").run(plan)
    return report


@contextmanager
def planned(given: argparse.Namespace) -> Iterator[Plan]:
    """What was asked for, with a folder for what is made on the way."""
    with tempfile.TemporaryDirectory(prefix="agentrag-bench-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder)
        made_pages = QUICK_PAGES if given.quick else OWN_PAGES
        corpus = Corpus.of(given.corpus) if given.corpus else Corpus.made(scratch / "corpus", made_pages)
        yield Plan(corpus, scratch, given.rounds, given.quick, found_peers() if given.peers else None)


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--suite", action="append", choices=SUITES, help="run this one; may be given again (all)")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="PDFs to work on (reports of our own making)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to this file as well")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each case takes (3)")
    parser.add_argument("--quick", action="store_true", help="tiny counts: shows that all runs, measures nothing")
    parser.add_argument("--peers", action="store_true", help="measure what `make bench-peers` has installed as well")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = options()
    reports = []
    with planned(given) as plan:
        conditions = f"{machine()}\n{plan.versions()}"
        print(conditions, flush=True)
        for suite in given.suite or SUITES:
            reports.append(run(suite, plan))
            print(f"\n{reports[-1].shown()}", flush=True)
    print(f"\n{summary(reports)}\nafterwards: {machine()}")
    if given.json:
        told = {"conditions": conditions, "reports": [report.as_json() for report in reports]}
        given.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
