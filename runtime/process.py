"""Run one agent as a process of its own, over HTTP or stdio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from runtime import loopback, telemetry, turns
from runtime.errors import SettingsError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from runtime.agent import AgentServer

PORTS = {"retrieval": 8101, "ingestion": 8102, "synthesis": 8103, "citation": 8104, "monitoring": 8105}
"""Where each agent listens when nothing else is said; the host has 8000."""
HOST_PORT = 8000
GRACE_SECONDS = 5
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


async def listen(app: Starlette, host: str, port: int) -> None:
    """Serve an app until a signal ends it; streams get a few seconds to finish."""
    import uvicorn

    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=GRACE_SECONDS
    )
    turns.settle()
    await uvicorn.Server(config).serve()


def run(
    agent: AgentServer,
    *,
    transport: Literal["http", "stdio"] = "http",
    host: str = "127.0.0.1",
    port: int | None = None,
    holding: Callable[[str], AbstractAsyncContextManager[None]] | None = None,
) -> None:
    """Run an agent until it is ended, `holding` something that is told its address meanwhile.

    Raises: SettingsError for an open address without authentication.
    """
    if agent.settings.auth == "local" and host not in LOOPBACK:
        raise SettingsError(
            f"host is {host!r}, and with auth `local` everybody there would be the owner; "
            "listen on 127.0.0.1 or set AGENTRAG_AUTH=internal"
        )
    telemetry.configure(agent.name, agent.settings)
    if transport == "stdio":
        asyncio.run(agent.mcp.run_async(transport="stdio", show_banner=False))
        return
    loopback.ensure_up()
    chosen = port if port is not None else PORTS.get(agent.name, HOST_PORT)

    async def serve() -> None:
        async with holding(f"http://{host}:{chosen}") if holding else nullcontext():
            await listen(agent.app(), host, chosen)

    asyncio.run(serve())
