"""The command `agentrag`: a table of commands, each loaded only when it is used."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version

from cyclopts import App

COMMANDS = {
    "demo": "Try it in one go: ingest a small manual, ask about it, see the cited answer.",
    "up": "Run the host and all agents on this machine.",
    "ingest": "Hand documents in and watch them become searchable.",
    "ask": "Ask a question; the answer names the page behind every sentence.",
    "serve": "Run one agent, the host or the vector store as a process of its own.",
}
DOCUMENT_COMMANDS = {
    "ls": "List documents, newest first.",
    "show": "Show what is known about a document.",
    "rm": "Remove documents and everything made from them.",
    "reprocess": "Make documents searchable anew.",
}
EXITS = """Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not ready, 4 not allowed, 5 no answer found."""


def version() -> str:
    """The installed version."""
    try:
        return installed_version("agentrag")
    except PackageNotFoundError:
        return "0"


def create_app() -> App:
    """The commands by name; help texts stand here so that listing them loads none."""
    app = App(
        name="agentrag",
        help="Ask your documents; every sentence of the answer points at the page it came from.",
        help_epilogue=EXITS,
        version=version,
    )
    for name, text in COMMANDS.items():
        app.command(f"hosts.cli.{name}:{name}", name=name, help=text)
    documents = App(name="docs", help="List, show, remove and reprocess documents.")
    for name, text in DOCUMENT_COMMANDS.items():
        documents.command(f"hosts.cli.docs:{name}", name=name, help=text)
    app.command(documents)
    return app


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        create_app()()
    except SystemExit:
        raise
    except BaseException as error:
        from hosts.cli.console import exit_for

        sys.exit(exit_for(error))
