"""What a run of the benchmarks works on, how much of it, and with which Python the references run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Case, measured
from tests.benchmarks.corpus import Corpus

PEERS = Path("~/.cache/agentrag/peers/bin/python")
"""The Python of the environment that `make bench-peers` installs."""
OWN = ("pypdfium2", "tokenizers", "onnxruntime", "numpy", "qdrant-edge-py", "pypdf", "rank-bm25", "qdrant-client")
THEIRS = (
    *("langchain-core", "langchain-chroma", "llama-index-core", "haystack-ai", "sentence-transformers", "torch"),
    *("pypdf", "qdrant-client"),
)


@dataclass(frozen=True)
class Plan:
    """`peers` is the Python of the peers' environment, None to leave them out; quick runs show that a suite works."""

    corpus: Corpus
    scratch: Path
    rounds: int = 3
    is_quick: bool = False
    peers: Path | None = None

    def count(self, full: int, quick: int) -> int:
        """How many of something."""
        return quick if self.is_quick else full

    @property
    def files(self) -> Sequence[str]:
        """The corpus as arguments of cases."""
        return [str(path) for path in self.corpus.files]

    @property
    def model(self) -> Path:
        """The folder of the embedding model's weights, which peers load as well."""
        from runtime.models.weights import weights_folder

        return weights_folder()

    def reference(self, name: str, place: str, needs: str, ask: dict[str, Any]) -> list[Case]:
        """A case of another project, in this environment if it has the module `needs`, or else in the peers'.

        None when neither is there.
        """
        python = Path(sys.executable) if find_spec(needs) else self.peers
        return [] if python is None else [Case(name, f"tests.benchmarks.peers.{place}", ask, str(python))]

    def versions(self) -> str:
        """What is measured, and what it is measured against."""
        pythons = {"here": (sys.executable, OWN)}
        if self.peers is not None:
            pythons["peers"] = (str(self.peers), THEIRS)
        place = "tests.benchmarks.peers.versions:installed"
        lines = []
        for name, (python, packages) in pythons.items():
            found = measured(Case("versions", place, {"packages": packages}, python)).told
            lines.append(f"{name}: " + ", ".join(f"{package} {version}" for package, version in found.items()))
        return "\n".join(lines)


def found_peers() -> Path:
    """The peers' Python. Raises: FileNotFoundError when it is not installed."""
    place = PEERS.expanduser()
    if not place.exists():
        raise FileNotFoundError(f"{place} is not there; `make bench-peers` installs the peers and measures with them")
    return place
