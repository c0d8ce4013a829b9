"""`agentrag mcp bridge`: an MCP server at a URL for clients that only start programs."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from hosts.cli.console import Exit
from hosts.cli.interrupt import cancelled_by_interrupt
from runtime.errors import InvalidInputError, SettingsError

PATIENCE_SECONDS = 3.0
"""How long a request waits for a server that is being restarted, before the client is told."""
REMEDY = "start the server"

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")


async def bridge(
    url: Annotated[str, Parameter(help="Address of the server, e.g. http://127.0.0.1:8000/mcp.")],
    /,
    *,
    header: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="'Name: value' sent with each request; ${NAME} stands for an environment variable. Repeatable.",
        ),
    ] = None,
) -> Exit:
    """Relay MCP between standard input and output and a server over streamable HTTP, of any revision."""
    from hosts.cli.mcp.channel import Channel, Fixed
    from hosts.cli.mcp.pipe import Pipe
    from hosts.cli.mcp.relay import Relay

    place, headers = Fixed(server_url(url)), sent_headers(header or (), os.environ)
    with cancelled_by_interrupt(), Pipe.standard() as pipe:
        try:
            async with Channel.to(
                place, patience=PATIENCE_SECONDS, remedy=REMEDY, headers=headers, is_near=is_near(url)
            ) as channel:
                await Relay(pipe, channel).run()
        except asyncio.CancelledError:
            pass  # the way to end a server
    return Exit.OK


def server_url(url: str) -> str:
    """`url` if it is one of HTTP. Raises InvalidInputError, which does not quote a password."""
    from httpx import URL, InvalidURL

    try:
        found = URL(url)
    except InvalidURL:
        found = URL("")
    if found.userinfo:
        raise InvalidInputError("the address holds a name or password; send it with --header 'Authorization: ...'")
    if found.scheme not in {"http", "https"} or not found.host or any(letter.isspace() for letter in url):
        raise InvalidInputError(f"{url!r} is no address of a server; write http://host:port/mcp or https://host/mcp")
    return url


def is_near(url: str) -> bool:
    """Whether the server is on this machine, which no proxy can reach."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def sent_headers(given: list[str] | tuple[str, ...], environ: Mapping[str, str]) -> dict[str, str]:
    """Headers as they are sent. Raises InvalidInputError for a malformed one, SettingsError for an unset variable.

    The messages name the header and never its value, which may be a secret.
    """
    return {name: filled(name, value, environ) for name, value in map(split_header, given)}


def split_header(text: str) -> tuple[str, str]:
    """Name and value of a header. Raises InvalidInputError that does not quote the value."""
    found = _HEADER.fullmatch(text)
    if found is None:
        raise InvalidInputError(f"the header that begins with {text.partition(':')[0][:40]!r} is not 'Name: value'")
    return found[1], found[2].strip()


def filled(name: str, value: str, environ: Mapping[str, str]) -> str:
    """`value` with its variables replaced. Raises SettingsError for one that is not set."""

    def read(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise SettingsError(f"the header {name} needs the environment variable {found[1]}, which is not set")
        return environ[found[1]]

    return _VARIABLE.sub(read, value)
