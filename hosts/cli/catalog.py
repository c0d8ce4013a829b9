"""The catalog: documents found by their id or by the name that people know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import PurePath

from hosts.cli.api import Api
from hosts.cli.console import one_line
from runtime.errors import ConflictError, NotFoundError
from schemas.document import Document


def matching(documents: Sequence[Document], wanted: str) -> list[Document]:
    """The documents that `wanted` means: by id, else by file name, else by name whatever its case or ending.

    Raises: NotFoundError with the nearest names.
    """
    tests = (
        lambda document: document.doc_id == wanted,
        lambda document: document.filename == wanted,
        lambda document: wanted.casefold() in {document.filename.casefold(), _stem(document.filename)},
    )
    for is_meant in tests:
        if found := [document for document in documents if is_meant(document)]:
            return found
    stems = {_stem(document.filename): document.filename for document in documents}
    near = [stems[stem] for stem in get_close_matches(_stem(wanted), stems, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else "`agentrag docs ls` lists yours"
    raise NotFoundError(f"there is no document {one_line(wanted)!r}; {hint}")


def _stem(filename: str) -> str:
    return PurePath(filename).stem.casefold()


def only(found: Sequence[Document], wanted: str) -> Document:
    """The one document meant. Raises ConflictError when several bear the name."""
    if len(found) > 1:
        ids = ", ".join(document.doc_id for document in found)
        raise ConflictError(f"{len(found)} documents are named {one_line(wanted)!r}; say which by its id: {ids}")
    return found[0]


def searchable_ids(documents: Iterable[Document]) -> set[str]:
    """Ids of the documents that searches can look at."""
    return {document.doc_id for document in documents if document.version_id is not None}


class Catalog:
    """All documents of the caller, read once and only when a name has to be looked up."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: list[Document] | None = None

    async def all_of(self, wanted: Iterable[str]) -> list[Document]:
        """The documents meant by any of `wanted`, each once. Raises NotFoundError."""
        found = [document for one in wanted for document in await self._find(one)]
        return list({document.doc_id: document for document in found}.values())

    async def one_each(self, wanted: Iterable[str]) -> list[Document]:
        """One document for each of `wanted`, each once. Raises NotFoundError, or ConflictError for a shared name."""
        found = [only(await self._find(one), one) for one in wanted]
        return list({document.doc_id: document for document in found}.values())

    async def _find(self, wanted: str) -> list[Document]:
        if wanted.startswith("doc_"):
            try:
                return [await self._api.document(wanted)]
            except NotFoundError:
                pass  # a file may be named like an id
        if self._known is None:
            self._known = [document async for document in self._api.documents()]
        return matching(self._known, wanted)
