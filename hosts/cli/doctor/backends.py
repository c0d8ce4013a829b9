"""The backends: each is opened and pinged, in the data folder if nobody else works there, else in a temporary one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from runtime.backends import Backends, Need
from runtime.errors import AgentRAGError, FolderInUseError
from runtime.settings import Settings

SECONDS = 10.0
"""Longest wait for a ping."""
MODELS = {"embedder", "answerer", "simple_answerer"}
"""Needs that have lines of their own."""


def _remedy(need: str) -> str:
    return f"agentrag settings {'rerank' if need == 'reranker' else need}_url shows where it is"


def opened(need: str, said: str, where: str) -> Finding:
    """What a ping came to."""
    if said == "ok":
        return ok("backend", f"{need} works{where}")
    return failed("backend", f"{need}: {said}", _remedy(need))


def refused(need: str, error: AgentRAGError) -> Finding:
    """What kept a backend from opening; one that another process owns is not broken."""
    if isinstance(error, FolderInUseError):
        return warning("backend", f"{need}: {error}", "end that process, or use the federation that it belongs to")
    return failed("backend", f"{need}: {error}", _remedy(need))


async def examined(settings: Settings, *, in_place: bool) -> AsyncIterator[Finding]:
    """Open and ping every backend, `in_place` or in a temporary folder that is gone afterwards."""
    with TemporaryDirectory(prefix="agentrag-doctor-", ignore_cleanup_errors=True) as made:
        tried = settings if in_place else settings.model_copy(update={"data": Path(made)})
        where = "" if in_place else ", tried in a temporary folder"
        backends = Backends(tried)
        try:
            for need in get_args(Need):
                if need not in MODELS and (need != "reranker" or settings.has_reranker):
                    yield await _tried(backends, need, where)
        finally:
            await backends.close()


async def _tried(backends: Backends, need: Need, where: str) -> Finding:
    try:
        await backends.open((need,))
    except AgentRAGError as error:
        return refused(need, error)
    except Exception as error:  # whatever an adapter's product raises is what the person has to know
        return failed("backend", f"{need}: {type(error).__name__}: {error}", "agentrag settings url shows where it is")
    return opened(need, (await backends.ping((need,), SECONDS))[need], where)
