"""Files over HTTP: the original of a document, and pictures of its pages."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated
from urllib.parse import quote

from pydantic import Field
from starlette.responses import Response, StreamingResponse

from hosts.orchestrator.operations import Exchange, Operation, Reply
from hosts.orchestrator.parameters import PATH, QUERY
from hosts.orchestrator.representation import REVALIDATE
from hosts.orchestrator.routes.documents import TAG, ReadDocument, document_of
from hosts.orchestrator.routes.uploads import MEDIA
from runtime.browser import INERT
from runtime.errors import NotFoundError
from runtime.filekinds import PDF
from runtime.intake import original_key, thumbnail_key
from schemas.skills import PAGE_IMAGE, READ_DOCUMENTS, ShowPage

FOREVER = "private, max-age=31536000, immutable"


class PagePicture(ReadDocument):
    """Which page, and how it is drawn."""

    page: Annotated[int, PATH, Field(ge=1, le=1_000_000, description="Page, from 1.")]
    quote: Annotated[str, QUERY, Field(max_length=4000, description="Words to highlight in yellow.")] = ""
    width: Annotated[int, QUERY, Field(ge=100, le=2400, description="Width in pixels.")] = 918


async def original(exchange: Exchange[ReadDocument]) -> Response:
    """The file as it was handed in."""
    document = await document_of(exchange)
    key = original_key(exchange.caller.tenant, document.doc_id)
    blobs = exchange.host.on.blobs
    headers = {
        "Content-Length": str(await blobs.size(key)),
        "ETag": f'"{document.sha256}"',
        "Cache-Control": REVALIDATE,
        "Content-Disposition": f"inline; filename*=UTF-8''{quote(document.filename)}",
        "Content-Security-Policy": INERT if document.media_type == PDF else f"{INERT}; sandbox",
    }
    if exchange.has(headers["ETag"]):
        return Response(status_code=304, headers={name: headers[name] for name in ("ETag", "Cache-Control")})
    return StreamingResponse(blobs.stream(key), media_type=document.media_type, headers=headers)


async def picture(exchange: Exchange[PagePicture]) -> Response:
    """A page as a picture, the words of `quote` in yellow."""
    document, given = await document_of(exchange), exchange.given
    if given.page > (document.pages or 0):
        raise NotFoundError(f"{document.filename} has no page {given.page}; it has {document.pages or 0} pages")
    asked = ShowPage(doc_id=document.doc_id, page=given.page, quote=given.quote or None, width=given.width)
    words = hashlib.sha256(f"{asked.quote}|{asked.width}".encode()).hexdigest()[:16]
    headers = {"ETag": f'"{document.version_id}-{asked.page}-{words}"', "Cache-Control": FOREVER}
    if exchange.has(headers["ETag"]):
        return Response(status_code=304, headers=headers)
    made = (await exchange.host.client.call(PAGE_IMAGE, asked, exchange.caller)).picture
    return Response(base64.b64decode(made.base64), media_type=made.media_type, headers=headers)


async def thumbnail(exchange: Exchange[ReadDocument]) -> Response:
    """The first page as a small picture, made while the document was ingested."""
    document = await document_of(exchange)
    try:
        file = await exchange.host.on.blobs.get(thumbnail_key(exchange.caller.tenant, document.doc_id))
    except NotFoundError:
        raise NotFoundError(
            f"{document.filename} has no small picture; it gets one when it is ingested, so process it again"
        ) from None
    headers = {"ETag": f'"{hashlib.sha256(file).hexdigest()[:32]}"', "Cache-Control": REVALIDATE}
    if exchange.has(headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(file, media_type="image/webp", headers=headers)


OPERATIONS = [
    Operation(
        "GET",
        "/v1/documents/{doc_id}/thumbnail",
        "read_thumbnail",
        "Get a small picture",
        thumbnail,
        [Reply("The picture, 240 pixels wide.", files=("image/webp",), headers=("ETag",))],
        TAG,
        parameters=ReadDocument,
        scopes=READ_DOCUMENTS,
    ),
    Operation(
        "GET",
        "/v1/documents/{doc_id}/file",
        "read_file",
        "Get the original",
        original,
        [Reply("The file.", files=MEDIA, headers=("ETag", "Content-Disposition"))],
        TAG,
        parameters=ReadDocument,
        scopes=READ_DOCUMENTS,
    ),
    Operation(
        "GET",
        "/v1/documents/{doc_id}/pages/{page}/image",
        "show_page",
        "Show a page",
        picture,
        [Reply("The picture.", files=("image/webp",), headers=("ETag",))],
        TAG,
        parameters=PagePicture,
        scopes=READ_DOCUMENTS,
    ),
]
