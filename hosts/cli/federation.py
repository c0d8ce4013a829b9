"""The federation a command talks to: the one that runs on the data folder, or one for as long as the command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import SettingsError as UnreadableSettingError

from hosts.cli.api import Api
from hosts.cli.console import Console
from hosts.cli.interrupt import cancelled_by_interrupt
from runtime.errors import ModelUnavailableError, SettingsError
from runtime.federation import FolderLock, reached
from runtime.settings import Settings

QUIET_LEVEL = "ERROR"
"""What a command logs of the federation inside it, unless the user set a level: it words its own warnings."""


def settings_of(data: Path | None, *, quiet: bool) -> Settings:
    """The settings with `data` as folder when given. Raises SettingsError that names each bad one, never its value."""
    given: dict[str, Any] = {} if data is None else {"data": data.expanduser().resolve()}
    try:
        settings = Settings(**given)
    except (ValidationError, UnreadableSettingError) as error:
        from hosts.cli.knobs import faults_of

        faults = "; ".join(f"{fault.variable}: {fault.reason}" for fault in faults_of(Settings, error))
        raise SettingsError(f"{faults}; see `agentrag settings --changed`") from error
    if quiet and "log_level" not in settings.model_fields_set:
        return settings.model_copy(update={"log_level": QUIET_LEVEL})
    return settings


@dataclass(frozen=True)
class Reached:
    """A federation that answers; `is_lasting` when it goes on after the command, so that links to it make sense."""

    api: Api
    is_lasting: bool


async def model_built(settings: Settings, console: Console) -> None:
    """Build the embedding model, and tell, if this machine has not built it yet; a fault is only a warning here.

    Documents can be listed and removed without it, and whoever needs it fails with the same words.
    """
    from runtime.models import minilm

    precision = minilm.precision_of(settings.embeddings_url)
    if precision is None or minilm.is_built(minilm.graph_path(precision)):
        return
    try:
        await asyncio.to_thread(minilm.ensure_graph, precision, progress=console.say)
    except ModelUnavailableError as error:
        console.say(f"warning: {error}")


@asynccontextmanager
async def connected(data: Path | None, console: Console) -> AsyncIterator[Reached]:
    """The federation of a data folder; within this, Ctrl-C cancels the task that entered it.

    Raises: AgentUnavailableError when it does not get ready.
    """
    async with joined(settings_of(data, quiet=True), console) as found:
        yield found


@asynccontextmanager
async def joined(settings: Settings, console: Console) -> AsyncIterator[Reached]:
    """The same for a data folder that is named by settings."""
    async with AsyncExitStack() as stack:
        stack.enter_context(cancelled_by_interrupt())
        is_lasting = FolderLock(settings.data).address() is not None
        if not is_lasting:
            from runtime import telemetry

            telemetry.configure("agentrag", settings)
            await model_built(settings, console)
            console.tell("Starting the agents; `agentrag up` in another terminal keeps them running.")
        base_url = await stack.enter_async_context(reached(settings))
        stack.enter_context(cancelled_by_interrupt())  # again: a server has set handlers of its own
        api = await stack.enter_async_context(Api.at(base_url))
        yield Reached(api, is_lasting)
