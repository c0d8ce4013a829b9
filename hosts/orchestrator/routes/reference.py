"""The API about itself: its OpenAPI document, and a page that shows it and lets people try it."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse, Response

from hosts.orchestrator import openapi
from hosts.orchestrator.operations import Exchange, Operation, Reply
from hosts.orchestrator.parameters import Parameters, Seen
from hosts.orchestrator.representation import REVALIDATE, etag_of

TAG = "Reference"
PAGE = Path(__file__).with_name("reference.html")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def page_policy(html: str) -> str:
    """The policy under which a page runs its own inline script and style, and talks to its own origin alone."""
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(html):
        hashes[kind].append(f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")
    return (
        f"default-src 'none'; script-src {' '.join(hashes['script'])}; style-src {' '.join(hashes['style'])}; "
        "connect-src 'self'; img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _page() -> tuple[bytes, dict[str, str]]:
    html = PAGE.read_text(encoding="utf-8")
    body = html.encode()
    headers = {"Content-Security-Policy": page_policy(html), "ETag": etag_of(body), "Cache-Control": REVALIDATE}
    return body, headers


async def show(exchange: Exchange[Seen]) -> Response:
    """Every operation with its parameters and messages, to read and to try; it loads nothing from elsewhere."""
    body, headers = _page()
    if exchange.has(headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="text/html", headers=headers)


def described(operations: Sequence[Operation]) -> list[Operation]:
    """The operations, and those that tell of them."""

    @cache
    def document() -> dict[str, Any]:
        return openapi.document(whole)

    async def tell(_: Exchange[Parameters]) -> Response:
        """This document: OpenAPI 3.2, made from the table that the routes are made from."""
        return JSONResponse(document())

    told = Reply("The document.", files=("application/json",), headers=("ETag",))
    page = Reply("The page.", files=("text/html",), headers=("ETag",))
    whole = [
        *operations,
        Operation("GET", "/openapi.json", "openapi", "Describe the API", tell, [told], TAG, parameters=Seen),
        Operation("GET", "/docs", "docs", "Show the API to people", show, [page], TAG, parameters=Seen),
    ]
    return whole
