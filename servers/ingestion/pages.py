"""The pages of a version: extracted once, kept in the records, and found again after whatever interrupts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runtime import intake
from runtime.compute.contract import Child, Frame
from runtime.errors import ChildError, NotFoundError, UnreadableDocumentError
from runtime.records.contract import PageRecord
from schemas.document import Document
from schemas.message import Message, TenantId, VersionId
from servers.ingestion.lifecycle import Event, Extracting

if TYPE_CHECKING:
    from runtime.backends import Backends
    from servers.ingestion.extractors import Extractors
    from servers.ingestion.settings import IngestionSettings


class Extraction(Message):
    """What an extraction found besides the pages. It is written after the last page: where it is, all pages are."""

    pages: int
    paging: Literal["exact", "by section", "by size"]
    title: str
    author: str | None
    date: datetime | None
    language: str | None
    warnings: tuple[str, ...]


def version_prefix(tenant: TenantId, doc_id: str, version: VersionId) -> str:
    """Under which the blobs of one version of a document lie."""
    return f"{intake.blob_prefix(tenant, doc_id)}versions/{version}/"


class Pages:
    """The pages of one version of one document."""

    def __init__(self, on: Backends, tenant: TenantId, document: Document, version: VersionId) -> None:
        self._on = on
        self._tenant = tenant
        self._document = document
        self._version = version
        self._thumbnail = intake.thumbnail_key(tenant, document.doc_id)
        self._key = version_prefix(tenant, document.doc_id, version) + "extraction.json"

    async def extracted(self) -> tuple[Extraction, list[PageRecord]] | None:
        """What an earlier extraction kept, or None when there was none or it did not end."""
        try:
            found = Extraction.model_validate_json(await self._on.blobs.get(self._key))
        except NotFoundError:
            return None
        pages = await self._on.records.pages.all(self._tenant, self._version)
        return (found, pages) if len(pages) == found.pages else None

    async def extract(
        self,
        extractors: Extractors,
        settings: IngestionSettings,
        tell: Callable[[Event], Awaitable[None]],
        come: Callable[[Sequence[PageRecord]], Awaitable[None]],
    ) -> tuple[Extraction, list[PageRecord]]:
        """Read the original, keep its pages as they come, and tell `come` of them.

        Raises: UnreadableDocumentError, also when it needs more than the limits allow.
        """
        await tell(Extracting())
        outline: dict[str, Any] = {}
        pages: list[PageRecord] = []
        original = intake.original_key(self._tenant, self._document.doc_id)
        async with (
            extractors.lease(self._tenant) as child,
            self._on.blobs.local(original) as path,
            aclosing(_replies(child, self._request(path, settings))) as replies,
        ):
            async for reply in replies:
                if "texts" in reply:
                    group = [_record(row) for row in reply["texts"]]
                    await self._on.records.pages.put(self._tenant, self._version, group)
                    pages += group
                    await come(group)
                    await tell(Extracting(len(pages), outline["pages"]))
                elif "thumbnail" in reply:
                    await self._on.blobs.put(self._thumbnail, reply["thumbnail"])
                else:
                    outline |= reply
        found = Extraction(pages=len(pages), paging=outline["paging"], **outline["facts"])
        await self._on.blobs.put(self._key, found.model_dump_json().encode())
        return found, pages

    def _request(self, path: Path, settings: IngestionSettings) -> Frame:
        return {
            "path": str(path),
            "media_type": self._document.media_type,
            "filename": self._document.filename,
            "max_pages": settings.max_pages,
            "max_chars": settings.max_text_chars,
            "ocr_languages": settings.ocr_languages,
            "ocr_pages": settings.ocr_max_pages if settings.ocr == "auto" else 0,
            "ocr_seconds": settings.extract_wall_seconds / 2,
        }

    async def forget(self) -> None:
        """Have the next extraction begin anew."""
        await self._on.blobs.delete(self._key)


async def _replies(child: Child, request: Frame) -> AsyncGenerator[Frame, None]:
    """What the child answers; that it dies of a file, or runs out of a limit, is the fault of the file."""
    try:
        async with aclosing(child.ask(request)) as replies:  # type: ignore[type-var]
            async for reply in replies:
                yield reply
    except ChildError as error:
        if error.retryable:
            raise
        raise UnreadableDocumentError(f"the file is damaged, or asks for too much to be read: {error}") from error


def _record(row: list[Any]) -> PageRecord:
    page, text, label, offsets, width, height = row
    runs = tuple((int(at), int(source), int(length)) for at, source, length in offsets)
    return PageRecord(page=page, text=text, label=label, offsets=runs, width=width, height=height)
