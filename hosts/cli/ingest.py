"""`agentrag ingest`: hand files and folders in, and wait until they are searchable."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import ExistingPath

from hosts.cli.console import Console, Exit, table
from hosts.cli.federation import connected
from hosts.cli.options import AsJson, Data, NoWait, Verbose
from hosts.cli.progress import board
from hosts.cli.uploads import Outcome, all_at_once, files_of, hand_in


async def ingest(
    paths: Annotated[list[ExistingPath], Parameter(help="Files, and folders whose documents are all taken.")],
    /,
    *,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    data: Data = None,
) -> Exit:
    """Hand documents in and watch them become searchable, ten at a time.

    Takes PDF, DOCX, HTML, Markdown and plain text. Bytes that are known already are not taken twice.
    """
    console = Console(verbose=verbose)
    files = files_of(paths)
    async with connected(data, console) as reached:
        with board(console) as shown:
            outcomes = await all_at_once(
                [partial(hand_in, reached.api, file, shown, wait=not no_wait) for file in files]
            )
    return report(outcomes, console, as_json=as_json)


def report(outcomes: list[Outcome], console: Console, *, as_json: bool) -> Exit:
    """Show what became of each document; failed when one did."""
    if as_json:
        console.json({"documents": [outcome.shown() for outcome in outcomes]})
    else:
        console.data(table(("ID", "NAME", "STATE"), [outcome.row() for outcome in outcomes]))
    return Exit.FAILED if any(outcome.has_failed for outcome in outcomes) else Exit.OK
