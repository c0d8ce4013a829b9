"""Names of documents for the Tab key: of the federation that runs, and of none when nobody answers at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts.completion import CompletionContext

SECONDS = 1.0
"""Longest that a person who pressed Tab waits."""
MOST = 100
"""Names that are offered."""


def document_names(context: CompletionContext) -> list[tuple[str, str]]:
    """File names with how each document stands, newest first."""
    given = context.get("--data")
    return names(Path(given.raw) if given is not None and given.raw else None)


def names(data: Path | None) -> list[tuple[str, str]]:
    """The same for a data folder; nothing is started and nothing is said when there is no answer."""
    import httpx

    from hosts.cli.console import one_line
    from hosts.cli.federation import settings_of
    from hosts.cli.progress import state
    from runtime.errors import AgentRAGError
    from runtime.federation import FolderLock
    from schemas.document import Documents

    try:
        address = FolderLock(settings_of(data, quiet=True).data).address()
        if address is None:
            return []
        said = httpx.get(f"{address}/v1/documents", params={"limit": MOST}, timeout=SECONDS, trust_env=False)
        found = Documents.model_validate_json(said.raise_for_status().content)
    except (AgentRAGError, OSError, ValueError, httpx.HTTPError):
        return []
    return [(one_line(document.filename), state(document)) for document in found.items]
