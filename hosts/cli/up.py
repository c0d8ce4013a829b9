"""`agentrag up`: the host and all agents on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from hosts.cli.console import Console, Exit
from hosts.cli.federation import model_built, settings_of
from hosts.cli.interrupt import cancelled_by_interrupt, on_interrupt
from hosts.cli.options import Data
from runtime.federation import HOST, factories, running
from schemas.skills import AGENTS

PORT = 8000


def banner(base_url: str, folder: Path, agents: list[str], *, option: str = "") -> str:
    """Where everything is, and what to type next; `option` goes with every command."""
    lines = [("HTTP API", f"{base_url}/v1"), ("MCP, all together", f"{base_url}/mcp")]
    lines += [(f"MCP, {name}", f"{base_url}/agents/{name}/mcp") for name in agents]
    lines += [
        ("hand in", f"agentrag ingest FILE...{option}"),
        ("ask", f'agentrag ask "What are the safety warnings?"{option}'),
        ("stop", "Ctrl-C"),
    ]
    return "\n".join([f"AgentRAG is ready; its data is in {folder}", *(f"  {name:<18} {what}" for name, what in lines)])


async def up(
    *,
    port: Annotated[
        int, Parameter(help="Port on 127.0.0.1; 0 takes a free one.", validator=validators.Number(gte=0, lte=65535))
    ] = PORT,
    data: Data = None,
) -> Exit:
    """Run the host and all agents on this machine; logs go to stderr as JSON."""
    from runtime import telemetry, turns

    settings = settings_of(data, quiet=False)
    telemetry.configure("agentrag", settings)
    agents = [name for name in AGENTS if name in factories() and name != HOST]
    stopped = asyncio.Event()
    with cancelled_by_interrupt():
        await model_built(settings, Console())
        async with running(settings, port) as (base_url, _):
            with on_interrupt(stopped.set):
                option = f" --data {settings.data}" if data is not None else ""
                turns.settle()
                Console().say(banner(base_url, settings.data, agents, option=option))
                await stopped.wait()
    return Exit.OK
