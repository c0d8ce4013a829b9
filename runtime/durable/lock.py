"""One process per journal: a lock file beside it."""

from __future__ import annotations

from pathlib import Path

from runtime.errors import FolderInUseError
from runtime.ownership import OwnedError, Ownership


def own(journal: Path) -> Ownership:
    """The right to run the workflows of one journal. Raises FolderInUseError when another process has it."""
    try:
        return Ownership.take(journal.with_name(f"{journal.name}.lock"))
    except OwnedError as held:
        raise FolderInUseError(
            f"the workflows in {journal} are run by process {held.facts.get('pid', 'unknown')}; stop it, "
            "or set AGENTRAG_DURABLE_URL=embedded:<another file> for this one"
        ) from None
