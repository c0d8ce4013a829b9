"""Load what the first search needs while the agent already says that it lives."""

from __future__ import annotations

import asyncio

import structlog

from runtime.backends import Backends
from runtime.beginning import beginning
from runtime.errors import AgentRAGError
from servers.retrieval.language import Language
from servers.retrieval.query import Asked, prepare

log = structlog.get_logger()


async def _warm(on: Backends) -> None:
    query = prepare(Asked("Is everything ready?"), Language("en", "LATIN"))
    try:
        await asyncio.to_thread(lambda: query.terms)
        await on.embedder.embed([query.text])
    except AgentRAGError as error:  # the first search tells its caller; here it is only early
        log.warning("embedder.cold", code=error.code, reason=str(error))
    else:
        log.info("embedder.warm", fingerprint=on.embedder.fingerprint)


warming = beginning(_warm)
"""Begin to load the embedding model and the stemmers; leaving stops it."""
