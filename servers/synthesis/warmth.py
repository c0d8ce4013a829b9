"""Load the answerer while the agent already says that it lives."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import structlog

from runtime.backends import Backends
from runtime.beginning import beginning
from runtime.errors import AgentRAGError

log = structlog.get_logger()


@runtime_checkable
class Warmable(Protocol):
    """An answerer that takes its time to load."""

    async def warm(self) -> None:
        """Load now what the first question would have to wait for."""


async def _warm(on: Backends) -> None:
    if not isinstance(on.answerer, Warmable):
        return
    try:
        await on.answerer.warm()
    except AgentRAGError as error:  # the first question tells its caller; here it is only early
        log.warning("answerer.cold", model=on.answerer.name, code=error.code, reason=str(error))
    else:
        log.info("answerer.warm", model=on.answerer.name)


warming = beginning(_warm)
"""Begin to load the answerer; leaving stops it."""
