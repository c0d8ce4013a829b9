"""`agentrag serve`: one agent, the host or the vector store as a process of its own, as in a container."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, validators

from hosts.cli.console import Console, Exit
from hosts.cli.federation import settings_of
from hosts.cli.interrupt import cancelled_by_interrupt
from hosts.cli.options import Data
from runtime.errors import InvalidInputError
from runtime.federation import HOST, FolderLock, factories
from runtime.settings import Settings

SOCKET = "vectors.sock"
"""Where the store listens within the data folder."""


def serve(
    what: Annotated[
        Literal["retrieval", "ingestion", "synthesis", "citation", "monitoring", "host", "store"],
        Parameter(help="Which one to run."),
    ],
    /,
    *,
    host: Annotated[str | None, Parameter(help="Address to listen at; 127.0.0.1 by default.")] = None,
    port: Annotated[
        int | None,
        Parameter(help="Port to listen at; each has one of its own.", validator=validators.Number(gte=0, lte=65535)),
    ] = None,
    transport: Annotated[
        Literal["http", "stdio"] | None, Parameter(help="stdio speaks MCP alone; http, the default, speaks all.")
    ] = None,
    data: Data = None,
) -> Exit:
    """Run one part of the federation as a process of its own.

    The host finds its agents by AGENTRAG_AGENTS, e.g. "retrieval=http://127.0.0.1:8101,...". Agents in separate
    processes share one vector store: run `serve store` and give each the AGENTRAG_VECTORS_URL that it prints.
    """
    settings = settings_of(data, quiet=False)
    try:
        if what == "store":
            if (host, port, transport) != (None, None, None):
                raise InvalidInputError("`serve store` listens on a Unix socket; leave --host, --port, --transport out")
            asyncio.run(_serve_store(settings))
        else:
            _serve_agent(what, settings, host or "127.0.0.1", port, transport or "http")
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass  # the way to end a server
    return Exit.OK


def _serve_agent(
    name: str, settings: Settings, host: str, port: int | None, transport: Literal["http", "stdio"]
) -> None:
    from runtime.process import run

    os.environ["AGENTRAG_DATA"] = str(settings.data)  # each agent reads settings of its own, and so do its children
    agent = factories()[HOST if name == "host" else name]()
    holding = FolderLock(settings.data).held if name == "host" else None
    run(agent, transport=transport, host=host, port=port, holding=holding)


async def _serve_store(settings: Settings) -> None:
    from runtime import telemetry
    from runtime.vectors.process import serve_store

    telemetry.configure("store", settings)
    folder = store_folder(settings)
    socket = settings.data.resolve() / SOCKET

    def ready() -> None:
        Console().say(f"The vector store of {folder} is ready. Give each agent:\n  AGENTRAG_VECTORS_URL=store:{socket}")

    with cancelled_by_interrupt():
        await serve_store(folder, socket, ready)


def store_folder(settings: Settings) -> Path:
    """The folder that the store owns. Raises InvalidInputError when vectors are set to live elsewhere."""
    if not settings.vectors_url.startswith("embedded:"):
        raise InvalidInputError(
            f"vectors_url is {settings.vectors_url!r}; a store serves an `embedded:<folder>`; unset it here"
        )
    return settings.place(settings.vectors_url)
