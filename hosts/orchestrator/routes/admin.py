"""What operators read over HTTP."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from hosts.orchestrator.operations import Exchange, Operation
from schemas.skills import READ_REPORTS


async def health(exchange: Exchange) -> Response:
    """The agents as discovery sees them, and the host's own backends."""
    host = exchange.host
    agents = [agent.health().model_dump(mode="json") for agent in host.directory.all()]
    return JSONResponse({"agents": agents, "backends": await host.on.ping(("records", "blobs", "live", "durable"))})


OPERATIONS = [
    Operation("GET", "/v1/admin/health", "health", "How the federation is", health, READ_REPORTS),
]
