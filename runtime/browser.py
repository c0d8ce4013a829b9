"""What browsers are told with every response: what it may do there, and which other origins may read it."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INERT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of a response that is data: it loads nothing, runs nothing and stands in no frame."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": INERT,
}
PAGE = {"Cross-Origin-Opener-Policy": "same-origin"}
ENCRYPTED = {"Strict-Transport-Security": "max-age=31536000"}

EXPOSED = (
    "Allow", "Content-Disposition", "ETag", "Link", "Location", "Mcp-Session-Id", "RateLimit", "RateLimit-Policy",
    "Retry-After", "WWW-Authenticate", "X-Trace-Id", "traceparent",
)  # fmt: skip
"""Response headers that scripts of an allowed origin may read."""
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
PREFLIGHT_SECONDS = 600

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def security_headers(media_type: str, scheme: str) -> dict[str, str]:
    """The headers for a response of this media type sent over `http` or `https`. Source: OWASP Secure Headers."""
    page = PAGE if media_type.startswith("text/html") else {}
    return {**ALWAYS, **page, **(ENCRYPTED if scheme == "https" else {})}


def may_read(origin: str, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of `origin` may read what `host` (a Host header) answers.

    `allowed` are origins, in which `*` stands for any characters. Pages of this machine may read its own services.
    """
    if any(fnmatchcase(origin, pattern) for pattern in allowed):
        return True
    try:
        here, there = urlsplit(f"//{host}").hostname, urlsplit(origin).hostname
    except ValueError:
        return False
    return here in LOOPBACK and there in LOOPBACK


def cors_headers(origin: str) -> dict[str, str]:
    """What lets pages of `origin` read a response; cookies are never let in. Source: the Fetch standard, 3.3."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": ", ".join(EXPOSED)}


def preflight(origin: str, asked: str) -> Response:
    """The answer to a preflight of an allowed origin; `asked` are the request headers that it names."""
    headers = {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
        "Vary": "Access-Control-Request-Headers",
    }
    if asked:
        headers["Access-Control-Allow-Headers"] = asked
    return Response(status_code=204, headers=headers)


Raw = tuple[bytes, bytes]


@lru_cache(maxsize=64)
def _rules(media_type: str, scheme: str, origin: str) -> tuple[Raw, ...]:
    told = security_headers(media_type, scheme) | (cors_headers(origin) if origin else {})
    return tuple((name.lower().encode(), value.encode("latin-1")) for name, value in told.items())


def with_rules(given: Sequence[Raw], scheme: str, origin: str) -> list[Raw]:
    """The headers of a response and ours, of which those that it says itself are left out; `origin` may read it."""
    found = dict(given)
    rules = _rules(found.get(b"content-type", b"").decode("latin-1").partition(";")[0], scheme, origin)
    vary = [value for name, value in given if name == b"vary"]
    said = [pair for pair in given if pair[0] != b"vary"]
    return [*said, *(rule for rule in rules if rule[0] not in found), (b"vary", b", ".join([*vary, b"Origin"]))]


class BrowserRules:
    """ASGI middleware, outermost: adds these headers to every response and answers preflights of allowed origins."""

    def __init__(self, app: ASGIApp, *, allowed_origins: Sequence[str]) -> None:
        self._app = app
        self._allowed = tuple(allowed_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin", "")
        is_allowed = bool(origin) and may_read(origin, headers.get("host", ""), self._allowed)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_rules(
                    message.get("headers", ()), scope.get("scheme", "http"), origin if is_allowed else ""
                )
            await send(message)

        if is_allowed and scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            asked = headers.get("access-control-request-headers", "")
            await preflight(origin, asked)(scope, receive, answer)
            return
        await self._app(scope, receive, answer)
