"""What an ingest call is about: a document that is there, or a file that the call itself hands in."""

from __future__ import annotations

import base64
import binascii
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from runtime import filekinds
from runtime.errors import InvalidInputError, TooLargeError
from schemas.skills import Ingest

if TYPE_CHECKING:
    from runtime.backends import Backends
    from runtime.settings import Settings

UNNAMED = "text.md"
"""Name of a text that is handed in without one."""


def check(ask: Ingest) -> None:
    """Raise InvalidInputError unless the call names one document or hands in one file."""
    given = [name for name in ("doc_id", "content_base64", "text") if getattr(ask, name) is not None]
    if len(given) != 1:
        raise InvalidInputError(
            f"give one of doc_id, content_base64 and text; {' and '.join(given) if given else 'none of them'} came"
        )
    if ask.content_base64 is not None and not ask.filename:
        raise InvalidInputError("content_base64 needs a filename with its ending, such as `manual.pdf`")


def text_name(filename: str | None) -> str:
    """The name of a handed-in text; one without an ending is Markdown, of which plain text is a part."""
    name = filename or UNNAMED
    return name if PurePosixPath(name).suffix.lower() in filekinds.MEDIA_TYPES else f"{name}.md"


async def content(ask: Ingest, on: Backends, settings: Settings) -> tuple[str, bytes]:
    """Name and bytes of the file that a call hands in."""
    if ask.text is not None:
        return text_name(ask.filename), ask.text.encode()
    return ask.filename or "", await on.compute.run(_decoded, ask.content_base64 or "", settings.max_upload_bytes)


def _decoded(content: str, most_bytes: int) -> bytes:
    if len(content) * 3 // 4 - 2 > most_bytes:
        raise TooLargeError(
            f"the file has more than {most_bytes} bytes, the limit of `max_upload_bytes`; "
            "split it, or raise AGENTRAG_MAX_UPLOAD_BYTES"
        )
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise InvalidInputError(f"content_base64 is not base64 ({error}); encode the file's bytes once") from error
