"""The command `agentrag`: a table of commands, each loaded only when it is used."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from cyclopts import App, Group

from hosts.cli.commands import COMMANDS, HEADINGS, START, Entry, epilogue

PANELS = {name: Group(name, sort_key=rank) for rank, name in enumerate((*HEADINGS, "Options"))}


def version() -> str:
    """The installed version."""
    try:
        return installed_version("agentrag")
    except PackageNotFoundError:
        return "0"


def create_app() -> App:
    """The commands by name; their help texts stand in the table so that listing them loads none."""
    app = App(
        name="agentrag",
        help="Ask your documents; every sentence of the answer points at the page it came from.",
        help_epilogue=epilogue(START),
        help_format="plaintext",
        version=version,
    )
    for flag in ("--help", "--version"):
        app[flag].group = PANELS["Options"]
    for rank, (words, entry) in enumerate(COMMANDS.items()):
        *above, name = words.split()
        _add(app[above[0]] if above else app, name, entry, rank)
    return app


def _add(parent: App, name: str, entry: Entry, rank: int) -> None:
    """Put a command, or a group of commands that follow, below `parent`."""
    group = PANELS[entry.heading] if entry.heading else None
    help_, below = entry.help, epilogue(entry.examples)
    if entry.where:
        parent.command(entry.where, name=name, help=help_, help_epilogue=below, group=group, sort_key=rank)
    else:
        parent.command(App(name=name, help=help_, help_epilogue=below, group=group, sort_key=rank))


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        create_app()()
    except SystemExit:
        raise
    except BaseException as error:
        from hosts.cli.console import exit_for

        sys.exit(exit_for(error))
