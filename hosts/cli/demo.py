"""`agentrag demo`: a small manual, a question about it, and the cited answer, with no key and no network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from hosts.cli.answer import show_answer
from hosts.cli.ask import query_of
from hosts.cli.citations import Links
from hosts.cli.console import Console, Exit
from hosts.cli.federation import Reached, connected
from hosts.cli.options import Data, Verbose
from hosts.cli.progress import board
from hosts.cli.uploads import hand_in
from runtime.errors import InternalError
from schemas.chunk import Filters
from schemas.document import Document

MANUAL = "demo_manual.pdf"
QUESTION = "What are the safety warnings?"


@contextmanager
def folder(given: Path | None) -> Iterator[Path]:
    """The folder given, or one that is gone afterwards."""
    if given is not None:
        yield given
        return
    with TemporaryDirectory(prefix="agentrag-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made)


async def demo(
    *,
    question: Annotated[str, Parameter(help="Another question about the manual.")] = QUESTION,
    verbose: Verbose = False,
    data: Data = None,
) -> Exit:
    """Ingest a small manual, ask about it, and show the answer with its sources.

    Works in a temporary folder that is gone afterwards, unless --data names one to keep.
    """
    console = Console(verbose=verbose)
    query_of(question, Filters(), None)
    with folder(data) as place:
        began = time.perf_counter()
        async with connected(place, console) as reached:
            ready = time.perf_counter()
            document = await _ingested(reached, console)
            ingested = time.perf_counter()
            code = await _answered(reached, document, question, console)
            answered = time.perf_counter()
    console.say(
        f"\nAgents ready in {ready - began:.1f} s, {document.pages} pages ingested in {ingested - ready:.1f} s, "
        f"answered in {answered - ingested:.1f} s."
    )
    if data is None:
        console.tell("Now with your own documents: `agentrag up`, then `agentrag ingest FILE...` and `agentrag ask`.")
    return code


async def _ingested(reached: Reached, console: Console) -> Document:
    """The manual once it is searchable."""
    with as_file(files("hosts.cli") / MANUAL) as path, board(console) as shown:
        outcome = await hand_in(reached.api, path, shown, wait=True)
    if outcome.error is not None:
        raise outcome.error
    if outcome.document is None or outcome.has_failed:
        raise InternalError(f"the manual did not become searchable: {outcome.text}")
    return outcome.document


async def _answered(reached: Reached, document: Document, question: str, console: Console) -> Exit:
    console.tell(f"Asking: {question}\n")
    links = Links(reached.api.base_url if reached.is_lasting and console.shows_links else None)
    query = query_of(question, Filters(doc_ids=(document.doc_id,)), None)
    return (await show_answer(reached.api, query, console, links)).exit()
