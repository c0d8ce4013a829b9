"""Representations: messages as JSON responses, their entity tags, and what a request says about those."""

from __future__ import annotations

import hashlib
import re

from starlette.responses import JSONResponse, Response

from runtime.errors import StaleError
from schemas.message import Message

REVALIDATE = "private, no-cache"
"""JSON may be kept by the client that asked, and used again after asking whether it still holds."""

_TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
"""Source: RFC 9110, section 8.8.3."""


def shown(message: Message, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
    """A message as JSON."""
    return JSONResponse(message.model_dump(mode="json"), status, headers)


def etag_of(body: bytes) -> str:
    """The strong entity tag of a body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def names(tags: str, etag: str, *, weakly: bool) -> bool:
    """Whether a list of tags (If-Match, If-None-Match) names this one; a weak tag does so only `weakly`."""
    if tags.strip() == "*":
        return True
    return any(etag == tag for weak, tag in _TAG.findall(tags) if weakly or not weak)


def revalidated(response: JSONResponse, if_none_match: str) -> Response:
    """The response with its tag, or 304 when the client has it."""
    headers = {"ETag": etag_of(bytes(response.body)), "Cache-Control": REVALIDATE}
    if if_none_match and names(if_none_match, headers["ETag"], weakly=True):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response


def require_unchanged(current: Message, if_match: str) -> None:
    """Raise StaleError unless `current` is what the caller has seen of it; no tag asks for nothing."""
    if if_match and not names(if_match, etag_of(bytes(shown(current).body)), weakly=False):
        raise StaleError(f"it is no longer what {if_match[:80]} names; read it again and decide anew")


def without_body(response: Response) -> Response:
    """What HEAD gives: the status and headers of GET."""
    bare = Response(status_code=response.status_code)
    bare.raw_headers = list(response.raw_headers)
    return bare
