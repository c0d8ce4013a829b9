"""The models: weights with the right SHA-256, the graph built from them, and the address that answers come from."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from runtime.errors import ModelUnavailableError
from runtime.settings import Settings

INSTALL = "agentrag models install"
SECONDS = 10.0
"""Longest wait for the address of a model."""


def graph(path: Path, is_built: bool, can_write: bool) -> Finding:
    """Whether the embedding model can be loaded, now or once it is built."""
    if is_built:
        return ok("model graph", str(path))
    if can_write:
        return ok("model graph", f"built on first use, in {path.parent}")
    return failed("model graph", f"{path.parent} is not writable", "set XDG_CACHE_HOME to a folder that is")


def answer(status: int, listed: tuple[str, ...] | None, model: str, place: str) -> Finding:
    """What the list of models at an address means for the model that is to be asked; None when it has no list."""
    if status in {401, 403}:
        return failed("answers", f"{place} refuses the key (status {status})", "set OPENAI_API_KEY")
    if status >= 500:
        return failed(
            "answers", f"{place} answers with status {status}", "try again later, or set AGENTRAG_ANSWERS_URL"
        )
    if listed is None:
        return ok("answers", f"{place} answers (status {status}) and has no list of models")
    if model not in listed:
        some = ", ".join(listed[:5]) + (", …" if len(listed) > 5 else "")
        return warning("answers", f"{place} does not list {model!r}", f"set AGENTRAG_ANSWERS_MODEL to one of: {some}")
    return ok("answers", f"{model} at {place}")


def weights(url: str) -> list[Finding]:
    """Look at the embedding model that the settings name."""
    from runtime.models import minilm
    from runtime.models import weights as files

    precision = minilm.precision_of(url)
    if precision is None:
        return [failed("model weights", f"embeddings_url is {url!r}", "unset AGENTRAG_EMBEDDINGS_URL")]
    try:
        folder = files.weights_folder()
        files.verify(folder)
    except ModelUnavailableError as error:
        return [failed("model weights", str(error), INSTALL)]
    path = minilm.graph_path(precision)
    found = ok("model weights", f"SHA-256 {files.WEIGHTS_SHA256[:8]}… is right, in {folder}")
    return [found, graph(path, minilm.is_built(path), can_make(path.parent))]


def can_make(folder: Path) -> bool:
    """Whether `folder` is there to be written to, or can be made."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


async def answers(settings: Settings) -> Finding:
    """Ask the address of the answering model for its list; nothing is sent when none is set."""
    scheme, _, base_url = settings.answers_url.partition(":")
    if scheme != "openai":
        return ok("answers", f"{settings.answers_url}: sentences of the documents, no address is asked")
    place = httpx.URL(base_url).host if base_url.startswith("http") else base_url
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx.AsyncClient(timeout=SECONDS) as client:
            said = await client.get(f"{base_url.rstrip('/')}/models", headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = f"{place} does not answer ({str(error) or type(error).__name__})"
        return failed("answers", text, "start it, or unset AGENTRAG_ANSWERS_URL for extractive answers")
    return answer(said.status_code, _listed(said), settings.answers_model, place)


def _listed(said: httpx.Response) -> tuple[str, ...] | None:
    """The ids in a list of models. Source: OpenAI API reference, GET /v1/models."""
    try:
        return tuple(str(one["id"]) for one in said.json()["data"]) if said.is_success else None
    except (ValueError, KeyError, TypeError):
        return None


async def examined(settings: Settings) -> AsyncIterator[Finding]:
    """Look at the models."""
    for finding in await asyncio.to_thread(weights, settings.embeddings_url):
        yield finding
    yield await answers(settings)
