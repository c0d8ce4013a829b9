"""Load what the first document needs while the agent already says that it lives."""

from __future__ import annotations

import asyncio

import structlog

from runtime.backends import Backends
from runtime.beginning import beginning
from runtime.errors import AgentRAGError
from runtime.vectors.terms import terms

log = structlog.get_logger()


async def _warm(on: Backends) -> None:
    try:
        await asyncio.to_thread(terms, "Is everything ready?", "en")
        await asyncio.to_thread(on.embedder.token_spans, "Is everything ready?")
        await on.embedder.embed(["Is everything ready?"])
    except AgentRAGError as error:  # the first document tells its owner; here it is only early
        log.warning("embedder.cold", code=error.code, reason=str(error))


warming = beginning(_warm)
"""Begin to load the embedding model and the stemmer; leaving stops it."""
