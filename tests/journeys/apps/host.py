"""A minimal host of MCP Apps, as an app of its own origin that relays to the `/mcp` of a running federation."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastmcp import Client
from mcp import MCPError
from mcp_types import ListToolsResult
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

HERE = Path(__file__).parent
OWN_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; frame-src 'self'"
)


def policy_for(html: str) -> str:
    """The strictest policy a view can live under: its own style and scripts by their hashes, pictures as data."""

    def hashes(tag: str) -> str:
        bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        return " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" for body in bodies
        )

    return (
        f"sandbox allow-scripts; default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; "
        "img-src data:; connect-src 'none'"
    )


def app(mcp: Client[Any]) -> Starlette:
    """The host's page, the view in a document of its own, and the relay to the server."""

    async def relay(request: Request) -> Response:
        asked = json.loads(await request.body())
        try:
            if asked["method"] == "tools/list":
                found: Any = ListToolsResult(tools=await mcp.list_tools())
            else:
                found = await mcp.call_tool_mcp(asked["params"]["name"], asked["params"]["arguments"])
        except MCPError as error:
            return Response(str(error), 502)
        return JSONResponse(found.model_dump(mode="json", by_alias=True, exclude_none=True))

    async def view(request: Request) -> Response:
        (read,) = await mcp.read_resource(request.query_params["uri"])
        return Response(read.text, media_type="text/html", headers={"Content-Security-Policy": policy_for(read.text)})

    def part(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def serve(_: Request) -> Response:
            return FileResponse(HERE / name, headers={"Content-Security-Policy": OWN_POLICY})

        return serve

    return Starlette(
        routes=[
            Route("/relay", relay, methods=["POST"]),
            Route("/view", view),
            Route("/", part("host.html")),
            *(Route(f"/{name}", part(name)) for name in ("host.js", "host.css")),
        ]
    )
