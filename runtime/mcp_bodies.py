"""Let an MCP message be as long as the door lets in: a file that a tool is handed comes within one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastmcp.server.http import StreamableHTTPASGIApp
from mcp.server.transport_security import RequestBodyLimitMiddleware
from starlette.applications import Starlette


def allow(root: Starlette, most_bytes: int) -> None:
    """Have the MCP endpoint of `root` take bodies of `most_bytes`; the SDK's own limit, 4 MiB, cannot be set before."""
    opened = root.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        async with opened(app) as state:
            for route in root.router.routes:
                endpoint = getattr(route, "endpoint", None)
                manager = endpoint.session_manager if isinstance(endpoint, StreamableHTTPASGIApp) else None
                if manager is not None and isinstance(manager.asgi_app, RequestBodyLimitMiddleware):
                    manager.asgi_app.max_body_size = most_bytes
            yield state

    root.router.lifespan_context = lifespan
