"""What each MCP client wants to read about a server: the entry under its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hosts.cli.mcp.places import ClientName

DESCRIPTION = "Answers from your own documents, each sentence with the page it came from."
TIMEOUT_SECONDS = 300
"""How long goose waits for a tool."""
TRANSPORT_KEYS = frozenset({"type", "command", "args", "cmd", "url", "httpUrl", "uri", "headers"})
"""Keys that say how a server is reached: they are ours. All others are the user's to change."""
ADDRESS_KEYS = ("url", "httpUrl", "uri")

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Started:
    """A server that the client starts and speaks to over standard input and output."""

    command: str
    args: tuple[str, ...]


@dataclass(frozen=True)
class Remote:
    """A server at a URL, and what is sent with each request; ${NAME} in it stands for an environment variable."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Client:
    """How a client is called, under which key of which format it lists servers, and what it does with a new one."""

    title: str
    key: str
    format: Literal["json", "yaml"]
    takes_urls: bool
    hint: str


CLIENTS: dict[ClientName, Client] = {
    "claude-desktop": Client(
        "Claude Desktop", "mcpServers", "json", False, "Quit Claude Desktop and open it again to see the tools."
    ),
    "claude-code": Client("Claude Code", "mcpServers", "json", True, "Start `claude` and type /mcp to see it."),
    "cursor": Client("Cursor", "mcpServers", "json", True, "Switch it on under Settings, MCP, if Cursor asks."),
    "vscode": Client("VS Code", "servers", "json", True, "Run `MCP: List Servers` in VS Code to start it."),
    "gemini": Client("Gemini CLI", "mcpServers", "json", True, "Start `gemini` and type /mcp to see it."),
    "goose": Client("goose", "extensions", "yaml", True, "Start a new session of goose to see it."),
}


def entry_of(client: ClientName | Literal["json"], name: str, server: Started | Remote) -> dict[str, Any]:
    """The entry for a server as `client` reads it. `json` is what most other clients read."""
    if client == "goose":
        return _goose(name, server)
    if isinstance(server, Started):
        typed = {"type": "stdio"} if client in {"claude-code", "vscode"} else {}
        return {**typed, "command": server.command, "args": list(server.args)}
    headers = {"headers": {key: _spelled(client, value) for key, value in server.headers.items()}}
    address = {"httpUrl": server.url} if client == "gemini" else {"url": server.url}
    typed = {"type": "http"} if client in {"claude-code", "vscode", "json"} else {}
    return {**typed, **address, **(headers if server.headers else {})}


def _goose(name: str, server: Started | Remote) -> dict[str, Any]:
    about = {"enabled": True, "name": name, "description": DESCRIPTION, "timeout": TIMEOUT_SECONDS}
    if isinstance(server, Started):
        return {**about, "type": "stdio", "cmd": server.command, "args": list(server.args), "envs": {}}
    return {**about, "type": "streamable_http", "uri": server.url, "headers": dict(server.headers), "envs": {}}


def _spelled(client: str, value: str) -> str:
    """A header's value with environment variables written the way `client` does."""
    return _VARIABLE.sub(r"${env:\1}", value) if client in {"cursor", "vscode"} else value


def is_ours(entry: object) -> bool:
    """Whether an entry is one that this command writes: it runs our server, or names an address."""
    if not isinstance(entry, dict):
        return False
    args = entry.get("args")
    runs_us = isinstance(args, list) and args[:1] == ["mcp"] and args[1:2] in (["stdio"], ["bridge"])
    return runs_us or any(key in entry for key in ADDRESS_KEYS)


def merged(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """`new` with what the user has added to or changed in the entry that was there."""
    kept = {key: value for key, value in (old or {}).items() if key not in TRANSPORT_KEYS}
    return {**new, **kept}
