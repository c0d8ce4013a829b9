"""Read what is cited from the records: documents and their pages. What a caller says of them is not believed."""

from __future__ import annotations

from dataclasses import dataclass

from runtime import filekinds
from runtime.call import Call
from runtime.errors import ConflictError, NotFoundError
from runtime.records.contract import PageRecord
from schemas.chunk import Chunk
from schemas.document import Document
from schemas.message import VersionId
from servers.citation.spans import Stretch, anchor


@dataclass(frozen=True)
class Source:
    """The page that a chunk was cut from, and where the chunk's words stand in its text."""

    document: Document
    page: PageRecord
    passage: Stretch


def has_layout(document: Document) -> bool:
    """Whether passages of the document have a place on a drawn page."""
    return document.media_type == filekinds.PDF


async def find_document(call: Call, doc_id: str) -> Document:
    """The document with pages to read. Raises NotFoundError; ConflictError while it has none yet."""
    document = await call.on.records.documents.get(call.caller.tenant, doc_id)
    if document is None:
        raise NotFoundError(f"there is no document {doc_id!r}; `list_documents` of ingestion names those there are")
    if document.version_id is None:
        raise ConflictError(
            f"document {doc_id!r} is {document.status} and has no pages yet; wait until it is completed"
        )
    return document


async def find_page(call: Call, document: Document, page: int) -> PageRecord:
    """A page of the version that searches use. Raises NotFoundError that tells which pages there are."""
    found = None
    if document.version_id is not None and page >= 1:
        found = await call.on.records.pages.get(call.caller.tenant, VersionId(document.version_id), page)
    if found is None:
        raise NotFoundError(
            f"document {document.doc_id!r} has no page {page}; ask for one of the pages 1 to {document.pages or 0}"
        )
    return found


async def find_source(call: Call, chunk: Chunk) -> Source | None:
    """Where a chunk comes from; None when this tenant has no such document or page, or the page has not its words."""
    tenant = call.caller.tenant
    document = await call.on.records.documents.get(tenant, chunk.doc_id)
    if document is None:
        return None
    for version in await _versions(call, document, chunk):
        page = await call.on.records.pages.get(tenant, version, chunk.page)
        passage = anchor(chunk.content, chunk.start, chunk.end, page.text) if page is not None else None
        if page is not None and passage is not None:
            return Source(document, page, passage)
    return None


async def _versions(call: Call, document: Document, chunk: Chunk) -> list[VersionId]:
    """The chunk's version if it is one of the document's, then the one that searches use now."""
    active = [VersionId(document.version_id)] if document.version_id is not None else []
    if chunk.version_id in active:
        return active
    retired = await call.on.records.versions.retired(call.caller.tenant, document.doc_id)
    return [version for version in retired if version == chunk.version_id] + active
