"""The AgentServer: skills bound once, served as MCP tools and A2A skills by one Starlette app, or over stdio."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ExceptionHandler

from runtime.auth import Keyring
from runtime.backends import Backends, Need
from runtime.browser import BrowserRules
from runtime.call import Skills
from runtime.door import Door
from runtime.heartbeat import beating
from runtime.invocation import Invoker
from runtime.settings import Settings

if TYPE_CHECKING:
    from a2a.types.a2a_pb2 import AgentCard
    from fastmcp import FastMCP

    from runtime.federated import Federated

os.environ.setdefault("OTEL_INSTRUMENTATION_A2A_SDK_ENABLED", "false")  # our wrapper makes the spans
os.environ.setdefault("FASTMCP_TELEMETRY_MODE", "propagation_only")

BASE_NEEDS: tuple[Need, ...] = ("records", "live")
"""What every agent needs: usage rows, and a place for tasks."""
Background = Callable[[Backends], AbstractAsyncContextManager[None]]
Check = Callable[[], Awaitable[str]]


def version() -> str:
    """The installed version, 0 when it runs without being installed."""
    try:
        return installed_version("agentrag")
    except PackageNotFoundError:
        return "0"


class AgentServer:
    """One agent: its skills, what they need, and the doors through which they are reached.

    `backends` may be shared with other agents of the same process; an agent closes only backends that it owns: those it
    made itself, unless `owns_backends` says otherwise.
    `background` is entered once the backends are open and left before they close. `routes` and `exception_handlers` are
    served beside the agent's own; each of `checks` says `ok` or what keeps the agent from being ready. `federated` adds
    what other agents offer over MCP.
    """

    def __init__(
        self,
        name: str,
        description: str,
        skills: Skills,
        settings: Settings,
        needs: Sequence[Need],
        *,
        prompts: Sequence[str] = (),
        backends: Backends | None = None,
        owns_backends: bool | None = None,
        background: Background | None = None,
        routes: Sequence[BaseRoute] = (),
        checks: Mapping[str, Check] | None = None,
        exception_handlers: Mapping[int, ExceptionHandler] | None = None,
        federated: Federated | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.version = version()
        self.skills = skills
        self.settings = settings
        self.needs: tuple[Need, ...] = tuple(dict.fromkeys([*BASE_NEEDS, *needs]))
        self.prompts = tuple(prompts)
        self.routes = tuple(routes)
        self.federated = federated
        self._checks = dict(checks or {})
        self._exception_handlers = dict(exception_handlers or {})
        self.on = backends or Backends(settings)
        self._owns_backends = backends is None if owns_backends is None else owns_backends
        self._background = background
        self.invoker = Invoker(name, self.on, settings)
        self._entered = 0
        self._closing: AbstractAsyncContextManager[None] | None = None

    @cached_property
    def mcp(self) -> FastMCP[Any]:
        """The MCP server: tools, resources, prompts."""
        from runtime import tools

        return tools.build(self, self._lifespan)

    def card(self, base_url: str) -> AgentCard:
        """The agent card for an agent reached at `base_url`."""
        from runtime import card

        return card.build(self, base_url)

    def app(self) -> Starlette:
        """Everything over HTTP: `/mcp`, `/a2a`, the card, health and metrics, behind one door."""
        from runtime import mcp_bodies

        settings = self.settings
        most_bytes = settings.max_upload_bytes * 3 // 2
        keyring = Keyring.of(settings)
        door = Middleware(Door, name=self.name, settings=settings, keyring=keyring, max_body_bytes=most_bytes)
        root: Starlette = self.mcp.http_app(
            path="/mcp",
            stateless_http=True,
            middleware=[door, *self._gateway()],
            host_origin_protection=True,
            allowed_hosts=list(settings.allowed_hosts),
            allowed_origins=list(settings.allowed_origins),
        )
        mcp_bodies.allow(root, most_bytes)
        root.add_middleware(BrowserRules, allowed_origins=settings.allowed_origins)  # the last added is the outermost
        root.router.routes.extend([*self._own_routes(), *self.routes])
        for status, handler in self._exception_handlers.items():
            root.add_exception_handler(status, handler)
        return root

    def _gateway(self) -> list[Middleware]:
        if self.federated is None:
            return []
        from runtime.gateway import Gateway

        return [Middleware(Gateway, federated=self.federated)]

    def _own_routes(self) -> list[BaseRoute]:
        from a2a.server.routes import create_jsonrpc_routes

        from runtime import tasks

        handler = tasks.handler(self, _LateLive(self.on))
        self._a2a_handler = handler
        return [
            *create_jsonrpc_routes(handler, "/a2a", context_builder=tasks.CallContexts(), shutdown_grace_period=1),
            Route("/.well-known/agent-card.json", self._serve_card),
            Route("/health/live", _says("alive")),
            Route("/health/startup", self._startup),
            Route("/health/ready", self._ready),
            Route("/metrics", _metrics),
        ]

    @asynccontextmanager
    async def _lifespan(self, _: Any) -> AsyncIterator[None]:
        """Open what the agent needs; entered for HTTP, stdio and in-process clients alike."""
        async with self.running():
            yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The agent with its backends open. Entered more than once, it is opened and closed once."""
        self._entered += 1
        if self._entered == 1:
            self._closing = self._opened()
            await self._closing.__aenter__()
        try:
            yield
        finally:
            self._entered -= 1
            if self._entered == 0 and self._closing is not None:
                await self._closing.__aexit__(None, None, None)

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[None]:
        await self.on.open(self.needs)
        try:
            with beating():
                if self._background is None:
                    yield
                else:
                    async with self._background(self.on):
                        yield
        finally:
            handler = getattr(self, "_a2a_handler", None)
            if handler is not None:
                await handler.aclose()
            await self.invoker.close()
            if self._owns_backends:
                await self.on.close()

    async def _serve_card(self, request: Request) -> Response:
        from runtime import card

        asked_at = request.url.replace(path=request.scope.get("root_path", ""), query="")  # also below a mount
        body, etag = card.document(self, str(asked_at))
        headers = {"ETag": etag, "Cache-Control": "no-cache"}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    async def _startup(self, _: Request) -> Response:
        started = self._entered > 0
        return JSONResponse({"status": "started" if started else "starting"}, 200 if started else 503)

    async def _ready(self, _: Request) -> Response:
        found = await self.on.ping(self.needs)
        found |= {name: await check() for name, check in self._checks.items()}
        if all(word == "ok" for word in found.values()):
            return JSONResponse({"status": "ready"})
        return JSONResponse({"status": "not ready", "checks": found}, 503)


class _LateLive:
    """`live` before it is open: routes are made before the lifespan begins, and used only within it."""

    def __init__(self, on: Backends) -> None:
        self._on = on

    def __getattr__(self, name: str) -> Any:
        return getattr(self._on.live, name)


def _says(word: str) -> Callable[[Request], Any]:
    async def say(_: Request) -> Response:
        return JSONResponse({"status": word})

    return say


async def _metrics(_: Request) -> Response:
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
