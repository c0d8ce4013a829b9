"""The bench: a federation with the user's settings on a data folder that is gone afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from cyclopts import Parameter

from hosts.cli.api import Api
from hosts.cli.console import Console
from hosts.cli.federation import joined, settings_of
from runtime.auth import Keyring
from runtime.caller import Caller
from runtime.client import FederationClient, I, O
from runtime.settings import Settings
from schemas.skills import SkillSpec

PLACES = ("vectors_url", "records_url", "blobs_url", "durable_url", "live_url")
"""Settings that would lead out of the data folder, to what the user keeps."""
MOST_DOCUMENTS = 1_000_000
MOST_BYTES = 1 << 50

Keep = Annotated[
    Path | None,
    Parameter(name="--keep", help="Data folder to keep, so that the next run on the same corpus need not ingest it."),
]


@dataclass(frozen=True)
class Bench:
    """The doors of the federation: its HTTP API, and the A2A doors of its agents."""

    api: Api
    agents: FederationClient

    async def call(self, spec: SkillSpec[I, O], ask: I) -> O:
        """Call a skill of an agent as the owner of the folder."""
        return await self.agents.call(spec, ask, Caller.owner())


def settings_on(folder: Path) -> Settings:
    """The user's settings, but nothing is written outside `folder` and no quota of theirs applies there."""
    own = {name: Settings.model_fields[name].default for name in PLACES}
    limits = {"max_documents": MOST_DOCUMENTS, "max_stored_bytes": MOST_BYTES}
    return settings_of(folder, quiet=True).model_copy(update={**own, **limits, "auth": "local"})


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        yield keep
        return
    with TemporaryDirectory(prefix="agentrag-eval-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@asynccontextmanager
async def bench(keep: Path | None, console: Console) -> AsyncIterator[Bench]:
    """A federation for the length of an evaluation."""
    with _folder(keep) as folder:
        settings = settings_on(folder)
        async with joined(settings, console) as reached:
            base_url = reached.api.base_url
            agents = FederationClient(lambda name: f"{base_url}/agents/{name}", Keyring.of(settings))
            try:
                yield Bench(reached.api, agents)
            finally:
                await agents.close()
