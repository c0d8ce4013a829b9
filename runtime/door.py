"""The door of every HTTP app: body limit, trace and Caller come before anything else."""

from __future__ import annotations

from ipaddress import ip_address

import structlog
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runtime import telemetry
from runtime.auth import Keyring
from runtime.caller import Caller, become
from runtime.errors import AgentRAGError, InternalError, TooLargeError, UnauthenticatedError
from runtime.settings import Settings

log = structlog.get_logger()

PUBLIC = ("/health/", "/.well-known/", "/metrics", "/openapi.json", "/docs")
"""Paths that need no caller."""
AWAY_SECONDS = 2
"""When to ask a service again that is away and does not say for how long."""


def problem_response(error: AgentRAGError, instance: str) -> JSONResponse:
    """An error as `application/problem+json`. Source: RFC 9457."""
    problem = error.problem(telemetry.trace_id()).model_copy(update={"instance": instance})
    headers = {"Cache-Control": "no-store"}
    wait = error.retry_after_s or (AWAY_SECONDS if error.http_status == 503 else None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    if error.http_status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=error.http_status,
        headers=headers,
        media_type="application/problem+json",
    )


def is_loopback(scope: Scope) -> bool:
    """Whether the peer is this machine (no address at all: an in-process client)."""
    client = scope.get("client")
    if client is None:
        return True
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return client[0] in {"localhost", "testclient"}


class Door:
    """ASGI middleware that lets known callers in, within limits.

    Blanks around a header's value are no part of it, whichever HTTP parser is installed. Source: RFC 9110, section 5.5.
    """

    def __init__(self, app: ASGIApp, *, name: str, settings: Settings, keyring: Keyring, max_body_bytes: int) -> None:
        self._app = app
        self._name = name
        self._settings = settings
        self._keyring = keyring
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        headers = Headers(scope=scope)
        path = scope["path"]
        with telemetry.tracer.start_as_current_span(
            f"{scope['method']} {self._name}", context=telemetry.incoming(headers), kind=SpanKind.SERVER
        ) as span:
            span.set_attribute("url.path", path)
            structlog.contextvars.clear_contextvars()
            answer = _TracedSend(send, span)
            try:
                self._refuse_large(headers)
                if not self._local_path(scope).startswith(PUBLIC):
                    caller = self.caller(scope, headers)
                    scope["caller"] = caller
                    become(caller)
                await self._app(scope, self._counted(receive), answer)
            except AgentRAGError as error:
                if answer.begun:
                    raise
                await problem_response(error, path)(scope, receive, answer)
            except Exception:
                if answer.begun:
                    raise
                log.exception("request.crashed", method=scope["method"])
                fault = InternalError(f"the request failed; the log has the reason under trace {telemetry.trace_id()}")
                await problem_response(fault, path)(scope, receive, answer)

    @staticmethod
    def _local_path(scope: Scope) -> str:
        path: str = scope["path"]
        return path.removeprefix(scope.get("root_path", ""))

    def caller(self, scope: Scope, headers: Headers) -> Caller:
        """Who asks. Raises UnauthenticatedError."""
        trace_id = telemetry.trace_id()
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and token:
            try:
                return self._keyring.parse(token, self._name, trace_id)
            except UnauthenticatedError:
                if self._settings.auth != "local":
                    raise
        if self._settings.auth == "local" and is_loopback(scope):
            return Caller.owner(trace_id)
        raise UnauthenticatedError("this service needs a bearer token; send one in the Authorization header")

    def _refuse_large(self, headers: Headers) -> None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large(int(length))

    def _too_large(self, size: int) -> TooLargeError:
        limit = self._max_body_bytes
        return TooLargeError(f"the body has {size} bytes or more and the limit is {limit}; send less at once")

    def _counted(self, receive: Receive) -> Receive:
        """A receive that stops a body without a declared length at the limit."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self._max_body_bytes:
                    raise self._too_large(seen)
            return message

        return counted


class _TracedSend:
    """A send that adds `traceparent` and `X-Trace-Id` to the response and its status to the span."""

    def __init__(self, send: Send, span: trace.Span) -> None:
        self._send = send
        self._span = span
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            headers.update(telemetry.outgoing())
            headers["X-Trace-Id"] = telemetry.trace_id()
            self._span.set_attribute("http.response.status_code", message["status"])
        await self._send(message)
