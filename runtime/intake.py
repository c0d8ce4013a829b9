"""Take in a file: name it safely, measure it while it streams, check its kind, keep it once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import structlog

from runtime.errors import (
    ConflictError,
    QuotaError,
    TooLargeError,
    UnreadableDocumentError,
    UnsupportedMediaError,
)
from runtime.filekinds import is_kind, media_type_of
from schemas.document import Document
from schemas.message import TenantId

if TYPE_CHECKING:
    from runtime.backends import Backends
    from runtime.settings import Settings

log = structlog.get_logger()

NAME_CHARS = 255
"""Longest display name, in characters."""
EDGE_BYTES = 64 * 1024
"""Bytes at either end of a file by which its kind is told."""


# rules ---------------------------------------------------------------------------------------------------------------


def display_name(filename: str) -> str:
    """The last part of a path without control or invisible characters, at most 255 characters, its ending kept.

    Raises: UnsupportedMediaError when nothing is left of it.
    """
    last = filename.replace("\\", "/").rstrip("/").rpartition("/")[2]
    clean = " ".join("".join(char if char.isprintable() else " " for char in last).split())
    if not clean.strip(". "):
        raise UnsupportedMediaError("the file has no name; give it one with its ending, such as `manual.pdf`")
    if len(clean) > NAME_CHARS:
        ending = PurePosixPath(clean).suffix[:16]
        clean = clean[: NAME_CHARS - len(ending)].rstrip() + ending
    return clean


# acts ----------------------------------------------------------------------------------------------------------------


@dataclass
class Meter:
    """What is learnt of a file while it streams past."""

    limit_bytes: int
    size: int = 0
    head: bytes = b""
    tail: bytes = b""
    _digest: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        """Hex digest of what has passed."""
        return str(self._digest.hexdigest())

    def take(self, piece: bytes) -> None:
        """Count a piece. Raises TooLargeError as soon as the limit is passed."""
        self.size += len(piece)
        if self.size > self.limit_bytes:
            raise TooLargeError(
                f"the file has more than {self.limit_bytes} bytes, the limit of `max_upload_bytes`; "
                f"split it, or raise AGENTRAG_MAX_UPLOAD_BYTES"
            )
        self._digest.update(piece)
        if len(self.head) < EDGE_BYTES:
            self.head += piece[: EDGE_BYTES - len(self.head)]
        self.tail = (self.tail + piece[-EDGE_BYTES:])[-EDGE_BYTES:]

    async def watch(self, source: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Pass the pieces of `source` on."""
        if isinstance(source, bytes):
            self.take(source)
            yield source
            return
        async for piece in source:
            self.take(piece)
            yield piece


def blob_prefix(tenant: TenantId, doc_id: str) -> str:
    """Under which everything kept of a document lies."""
    return f"{tenant}/{doc_id}/"


def original_key(tenant: TenantId, doc_id: str) -> str:
    """Where the bytes of a document lie."""
    return blob_prefix(tenant, doc_id) + "original"


def thumbnail_key(tenant: TenantId, doc_id: str) -> str:
    """Where the small picture of a document lies, a WebP file."""
    return blob_prefix(tenant, doc_id) + "thumbnail.webp"


async def accept(
    tenant: TenantId, filename: str, source: bytes | AsyncIterator[bytes], on: Backends, settings: Settings
) -> tuple[Document, bool]:
    """Keep a file as a pending document; False with the existing one when the tenant has the same bytes already.

    Nothing is left behind when it fails. Raises: UnsupportedMediaError for a kind that cannot be read or content that
    is not of the kind its name says; UnreadableDocumentError for an empty file; TooLargeError; QuotaError.
    """
    name = display_name(filename)
    media_type = media_type_of(name)
    doc_id = f"doc_{uuid.uuid4().hex[:16]}"
    meter = Meter(settings.max_upload_bytes)
    kept = False
    try:
        await on.blobs.put(original_key(tenant, doc_id), meter.watch(source))
        _check_content(name, media_type, meter)
        known = await on.records.documents.by_sha256(tenant, meter.sha256)
        if known is None:
            await _check_quota(tenant, meter.size, on, settings)
            known = await on.records.documents.add(tenant, _pending(doc_id, name, media_type, meter))
        kept = known.doc_id == doc_id
    finally:
        if not kept:
            await on.blobs.delete(blob_prefix(tenant, doc_id))
    log.info("document.accepted", doc_id=known.doc_id, created=kept, size_bytes=meter.size, media_type=media_type)
    return known, kept


def _check_content(name: str, media_type: str, meter: Meter) -> None:
    if meter.size == 0:
        raise UnreadableDocumentError(f"{name} is empty (0 bytes); upload a file with content")
    if not is_kind(media_type, meter.head, meter.tail):
        raise UnsupportedMediaError(
            f"{name} ends like {media_type} and its content is something else; give it the ending of what it is"
        )


async def _check_quota(tenant: TenantId, size: int, on: Backends, settings: Settings) -> None:
    held = sum((await on.records.documents.counts(tenant)).values())
    if held >= settings.max_documents:
        raise QuotaError(
            f"there are {held} of {settings.max_documents} documents; delete some or raise AGENTRAG_MAX_DOCUMENTS"
        )
    stored = await on.records.documents.stored_bytes(tenant)
    if stored + size > settings.max_stored_bytes:
        raise QuotaError(
            f"{stored} of {settings.max_stored_bytes} bytes are taken and the file has {size}; "
            "delete documents or raise AGENTRAG_MAX_STORED_BYTES"
        )


def _pending(doc_id: str, name: str, media_type: str, meter: Meter) -> Document:
    now = datetime.now(UTC)
    return Document(
        doc_id=doc_id,
        filename=name,
        status="pending",
        message="Waiting",
        media_type=media_type,
        size_bytes=meter.size,
        sha256=meter.sha256,
        created_at=now,
        updated_at=now,
        actor_id=f"ingestion_{doc_id}",
    )


async def expect(tenant: TenantId, filename: str, on: Backends, settings: Settings) -> Document:
    """A pending document whose bytes are still to come; it has 0 bytes until `fulfil` brings them."""
    name = display_name(filename)
    media_type = media_type_of(name)
    await _check_quota(tenant, 0, on, settings)
    doc_id = f"doc_{uuid.uuid4().hex[:16]}"
    document = _pending(doc_id, name, media_type, Meter(settings.max_upload_bytes))
    awaited = {"sha256": f"awaited:{doc_id}", "message": "Waiting for the file"}
    return await on.records.documents.add(tenant, document.model_copy(update=awaited))


async def fulfil(
    tenant: TenantId, document: Document, source: AsyncIterator[bytes], on: Backends, settings: Settings
) -> None:
    """Bring the bytes of an expected document, under the rules of `accept`.

    Raises what `accept` raises, and ConflictError when the tenant has the same bytes under another id.
    """
    meter = Meter(settings.max_upload_bytes)
    kept = False
    try:
        await on.blobs.put(original_key(tenant, document.doc_id), meter.watch(source))
        _check_content(document.filename, document.media_type, meter)
        known = await on.records.documents.by_sha256(tenant, meter.sha256)
        if known is not None:
            raise ConflictError(f"these bytes are the document {known.doc_id} already; use that one")
        await _check_quota(tenant, meter.size, on, settings)
        brought = {"size_bytes": meter.size, "sha256": meter.sha256, "message": "Waiting"}
        kept = await on.records.documents.change(tenant, document.doc_id, brought, expected=("pending",)) is not None
    finally:
        if not kept:
            await on.blobs.delete(blob_prefix(tenant, document.doc_id))
