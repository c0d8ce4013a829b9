"""`agentrag mcp install`: the entry that makes an MCP client know the federation, put into its configuration file."""

from __future__ import annotations

import os
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from hosts.cli.mcp.bridge import server_url, split_header
from hosts.cli.mcp.configuration import Configuration
from hosts.cli.mcp.entries import CLIENTS, Client, Remote, Started, entry_of
from hosts.cli.mcp.places import ClientName, Machine, Scope, configuration_of
from hosts.cli.options import FLAG, AsJson, Data
from runtime.errors import InvalidInputError, SettingsError

NAME = "agentrag"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def install(
    client: Annotated[ClientName | Literal["json"], Parameter(help="Which client; `json` prints the entry.")],
    /,
    *,
    name: Annotated[str, Parameter(help="Name of the entry.")] = NAME,
    scope: Annotated[Scope, Parameter(help="Your own file, or that of the project in this folder.")] = "user",
    url: Annotated[
        str | None, Parameter(help="Connect to the MCP server at this URL; by default the client starts one.")
    ] = None,
    header: Annotated[
        list[str] | None,
        Parameter(
            negative="", help="With --url: 'Name: value' sent along; ${NAME} is read from the environment. Repeatable."
        ),
    ] = None,
    data: Data = None,
    remove: Annotated[bool, FLAG, Parameter(help="Take the entry out again.")] = False,
    dry_run: Annotated[bool, FLAG, Parameter(help="Print what would change, and change nothing.")] = False,
    as_json: AsJson = False,
) -> Exit:
    """Put an entry for this federation into a client's configuration, or take it out."""
    console = Console()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"--name {name!r} has other characters than letters, digits, - and _, or over 64")
    if remove and (url or header or data):
        raise InvalidInputError("--remove needs no --url, --header or --data; leave them out")
    if client == "json":
        if remove:
            raise InvalidInputError("`json` prints an entry and keeps none, so there is nothing to --remove")
        server = served(url, header or [], data, takes_urls=True)
        console.json({"mcpServers": {name: entry_of("json", name, server)}})
        return Exit.OK
    known = CLIENTS[client]
    path = Path(configuration_of(client, scope, Machine.this()))
    file = Configuration.read(path, known.format)
    if remove:
        after = file.without_entry(known.key, name)
    else:
        server = served(url, header or [], data, takes_urls=known.takes_urls)
        after = file.with_entry(known.key, name, entry_of(client, name, server))
    told = carried_out(file, after, is_dry=dry_run)
    if as_json:
        console.json({"client": client, "name": name, "file": str(file.path), **told})
    else:
        report(console, known, name, file, told, is_removal=remove)
    return Exit.OK


def served(url: str | None, headers: list[str], data: Path | None, *, takes_urls: bool) -> Started | Remote:
    """The server an entry names: at a URL, or started by the client, which may be the bridge to that URL.

    Raises: InvalidInputError for options that do not go together.
    """
    if url is None:
        if headers:
            raise InvalidInputError("--header goes with --url; a server that the client starts takes none")
        return Started(program(), ("mcp", "stdio", *kept_folder(data)))
    if data is not None:
        raise InvalidInputError("--data names the folder of a server that the client starts; leave it out with --url")
    server_url(url)
    named = dict(map(split_header, headers))
    if takes_urls:
        return Remote(url, named)
    options = [part for key, value in named.items() for part in ("--header", f"{key}: {value}")]
    return Started(program(), ("mcp", "bridge", url, *options))


def program() -> str:
    """The absolute path of the installed `agentrag`. Raises SettingsError when it is not installed as a command.

    Desktop apps search other folders than a terminal does, so a bare name would not be found.
    """
    beside = Path(sys.executable).absolute().with_name("agentrag.exe" if sys.platform == "win32" else "agentrag")
    found = str(beside) if beside.is_file() else shutil.which("agentrag")
    if found is None:
        raise SettingsError("the command `agentrag` is not installed; run `uv tool install agentrag` or `uv sync`")
    return str(Path(found).absolute())


def kept_folder(data: Path | None) -> tuple[str, ...]:
    """The option for a data folder that is named here, which the client's environment would not tell."""
    named = data or (Path(os.environ["AGENTRAG_DATA"]) if os.environ.get("AGENTRAG_DATA") else None)
    return () if named is None else ("--data", str(named.expanduser().absolute()))


def carried_out(file: Configuration, after: str, *, is_dry: bool) -> dict[str, Any]:
    """Write the change unless it is only to be shown; what happened, for programs."""
    if after == (file.text or ""):
        return {"changed": False}
    if is_dry:
        return {"changed": False, "diff": file.diff(after)}
    kept = file.replace(after, datetime.now(UTC))
    return {"changed": True, "backup": None if kept is None else str(kept)}


def report(
    console: Console, client: Client, name: str, file: Configuration, told: dict[str, Any], *, is_removal: bool
) -> None:
    """Tell a person what happened: the change on stdout, what to do next on stderr."""
    if "diff" in told:
        console.data(told["diff"])
        console.say("Nothing was written.")
    elif not told["changed"]:
        console.data(f"Nothing to change: {file.path} {'has no' if is_removal else 'has'} {name}.")
    else:
        console.data(f"{'Took' if is_removal else 'Put'} {name} {'out of' if is_removal else 'into'} {file.path}.")
        if told["backup"]:
            console.say(f"The file as it was: {told['backup']}")
        console.say(f"Restart {client.title} to let it go." if is_removal else client.hint)
