"""The command `agentrag`: a table of commands, each loaded only when it is used."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hosts.cli.commands import COMMANDS, HEADINGS, INTERRUPTED, OPTIONS, START, Entry, epilogue

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError, Group

    from runtime.errors import InvalidInputError


def version() -> str:
    """The installed version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("agentrag")
    except PackageNotFoundError:
        return "0"


def create_app() -> App:
    """The commands by name; their help texts stand in the table so that listing them loads none."""
    from cyclopts import App, Group

    panels = {heading: Group(heading, sort_key=rank) for rank, heading in enumerate((*HEADINGS, OPTIONS))}
    app = App(
        name="agentrag",
        help="Ask your documents; every sentence of the answer points at the page it came from.",
        help_epilogue=epilogue(START),
        help_format="plaintext",
        version=version,
    )
    for flag in ("--help", "--version"):
        app[flag].group = panels[OPTIONS]
    for rank, (words, entry) in enumerate(COMMANDS.items()):
        *above, name = words.split()
        _add(app[above[0]] if above else app, name, entry, panels.get(entry.heading), rank)
    return app


def _add(parent: App, name: str, entry: Entry, panel: Group | None, rank: int) -> None:
    """Put a command, or a group of commands that follow, below `parent`."""
    from cyclopts import App

    help_, below = entry.help, epilogue(entry.examples)
    if entry.where:
        parent.command(entry.where, name=name, help=help_, help_epilogue=below, group=panel, sort_key=rank)
    else:
        parent.command(App(name=name, help=help_, help_epilogue=below, group=panel, sort_key=rank))


def misused(error: CycloptsError) -> InvalidInputError:
    """Words that were typed wrong, with the command whose help says how they are typed right."""
    from cyclopts import UnusedCliTokensError

    from runtime.errors import InvalidInputError

    said = " ".join(str(error).split()).removesuffix(".")
    if isinstance(error, UnusedCliTokensError):
        said = f"{' '.join(error.unused_tokens or ())!r} is more than it takes; words that belong together go in quotes"
    command = " ".join(["agentrag", *(error.command_chain or ())])
    return InvalidInputError(f"{said}; see `{command} --help`")


def run() -> None:
    """Run the command that was typed."""
    from cyclopts import CycloptsError

    try:
        create_app()(print_error=False, exit_on_error=False)
    except CycloptsError as error:
        raise misused(error) from error


def replace_closed_streams() -> None:
    """Put the null device where the shell closed a stream, as `>&-` does; Python has None there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - for as long as the process lives


def main() -> None:
    """Run the command line and leave with its exit code."""
    replace_closed_streams()
    try:
        run()
    except SystemExit:
        raise
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BaseException as error:
        from hosts.cli.console import exit_for

        sys.exit(exit_for(error))
