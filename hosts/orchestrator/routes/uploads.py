"""Uploads over HTTP: a file in a form, or the address of one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

from pydantic import Field
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hosts.orchestrator import upload
from hosts.orchestrator.idempotency import Answered, Key, once
from hosts.orchestrator.operations import FORM, JSON, Exchange, Operation, Reply, Upload
from hosts.orchestrator.parameters import Once
from hosts.orchestrator.routes.documents import TAG
from runtime.errors import (
    ForbiddenError,
    InProgressError,
    InvalidInputError,
    KeyReusedError,
    MalformedRequestError,
    QuotaError,
    UnsupportedMediaError,
)
from runtime.filekinds import MEDIA_TYPES
from schemas.document import Document
from schemas.message import Message
from schemas.skills import WRITE_DOCUMENTS

PIECE_BYTES = 1024 * 1024
MEDIA = tuple(dict.fromkeys(MEDIA_TYPES.values()))


class UrlUpload(Message):
    """A document to be fetched from where it lies."""

    filename: str = Field(min_length=1, max_length=255)
    presigned_url: str = Field(
        min_length=1,
        max_length=8192,
        description="Fetched from hosts that the settings name, after the answer.",
        json_schema_extra={"format": "uri", "pattern": "^https?://[^@]+$"},
    )


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE_BYTES):
        yield piece


async def _sha256(file: UploadFile) -> str:
    digest = hashlib.sha256()
    async for piece in _pieces(file):
        digest.update(piece)
    await file.seek(0)
    return digest.hexdigest()


async def create(exchange: Exchange[Once]) -> Response:
    """Take a document in: `multipart/form-data` with the part `file`, or JSON that names where it lies.

    A file at a URL is fetched after the answer. The same bytes again are the same document, answered with 200.
    """
    kind = exchange.media_type
    if kind == JSON:
        return (await _by_url(exchange)).response()
    if kind == FORM:
        return (await _by_form(exchange)).response()
    raise UnsupportedMediaError(f"the body is {kind or 'of no type'!r}; send {FORM} with a part `file`")


def _accepted(document: Document, *, is_new: bool = True) -> Answered:
    return Answered.of(document, 202 if is_new else 200, f"/v1/documents/{document.doc_id}")


async def _by_url(exchange: Exchange[Once]) -> Answered:
    host, caller = exchange.host, exchange.caller
    asked = await exchange.message(UrlUpload)
    key = Key.of(exchange.given.idempotency_key, exchange.line, asked.model_dump_json())

    async def receive() -> Answered:
        return _accepted(await upload.receive_url(host, caller, asked.filename, asked.presigned_url))

    return await once(host.on, caller, key, receive)


async def _by_form(exchange: Exchange[Once]) -> Answered:
    host, caller, word = exchange.host, exchange.caller, exchange.given.idempotency_key
    try:
        form = await exchange.request.form(max_files=1, max_fields=10)
    except HTTPException as error:  # what Starlette makes of a form that it cannot parse
        raise MalformedRequestError(f"the form cannot be read: {error.detail}; send one part `file`") from error
    try:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise InvalidInputError("the form has no part `file` with a file name; send the document in it")
        name = file.filename or ""
        key = Key.of(word, exchange.line, name, await _sha256(file) if word else "")

        async def receive() -> Answered:
            document, is_new = await upload.receive(host, caller, name, _pieces(file))
            return _accepted(document, is_new=is_new)

        return await once(host.on, caller, key, receive)
    finally:
        await form.close()


OPERATIONS = [
    Operation(
        "POST",
        "/v1/documents",
        "create_document",
        "Hand in a document",
        create,
        [
            Reply("Taken in; it is being ingested.", 202, Document, headers=("Location",)),
            Reply("These bytes are there already.", 200, Document, headers=("Location",)),
        ],
        TAG,
        parameters=Once,
        bodies={FORM: Upload(MEDIA), JSON: UrlUpload},
        examples={JSON: {"filename": "manual.pdf", "presigned_url": "https://bucket.example/manual.pdf"}},
        scopes=WRITE_DOCUMENTS,
        raises=(UnsupportedMediaError, QuotaError, ForbiddenError, KeyReusedError, InProgressError),
    ),
]
