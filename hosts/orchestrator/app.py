"""The host as an AgentServer: its skill `ask`, the HTTP API, discovery and the durable workflows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from hosts.orchestrator import ask, query, upload
from hosts.orchestrator.discovery import Directory, KnownAgent
from hosts.orchestrator.host import Host
from hosts.orchestrator.routes import admin, batches, documents, files, queries, uploads
from hosts.orchestrator.routes.reference import described
from hosts.orchestrator.routing import routes, unknown_path
from hosts.orchestrator.settings import HostSettings
from runtime.agent import AgentServer
from runtime.auth import Keyring
from runtime.backends import Backends
from runtime.beginning import beginning
from runtime.client import FederationClient

DESCRIPTION = (
    "Answers questions about the user's own documents. Every sentence of an answer points at the page it came from."
)
OPERATIONS = described(
    [
        *uploads.OPERATIONS,
        *batches.OPERATIONS,
        *documents.OPERATIONS,
        *files.OPERATIONS,
        *queries.OPERATIONS,
        *admin.OPERATIONS,
    ]
)


def create_host(
    settings: HostSettings | None = None,
    backends: Backends | None = None,
    addresses: Mapping[str, str] | None = None,
) -> AgentServer:
    """The host of a federation whose agents are at `addresses`, or where the settings say."""
    from runtime.federated import Federated  # loads fastmcp, once there is a host to serve
    from runtime.relay import Relay

    settings = settings or HostSettings.beside(backends)
    on = backends or Backends(settings)
    directory = Directory(
        addresses or settings.addresses(),
        refresh_seconds=settings.discovery_seconds,
        recovery_seconds=settings.recovery_seconds,
        degraded_ms=settings.degraded_ms,
    )
    keyring = Keyring.of(settings)
    client = FederationClient(directory.address, keyring)
    relay = Relay(directory.address, keyring, lost=directory.doubt)
    federated = Federated(relay, settings.auth)
    host = Host(settings=settings, on=on, directory=directory, client=client, boot=int(time.time()))

    @asynccontextmanager
    async def background(_: Backends) -> AsyncIterator[None]:
        on.durable.register(
            {query.NAME: query.answer_question, upload.NAME: upload.take_document},
            {**query.activities(host), **upload.activities(host)},
        )

        async def resume(_: Backends) -> None:
            """Go on with what a crash cut off, once there is somebody to do it."""
            await directory.known()
            await on.durable.resume()

        async def heed(agent: KnownAgent) -> bool:
            return await federated.heed(agent.name, agent.etag, is_up=agent.state != "down")

        try:
            async with directory.watching(on.records.health, heed), beginning(resume)(on):
                yield
        finally:
            relay.close()
            await client.close()

    async def knows_agents() -> str:
        return "ok" if directory.is_known else "no agent has answered yet"

    return AgentServer(
        "orchestrator",
        DESCRIPTION,
        ask.skills(lambda: host),
        settings,
        ("blobs", "durable"),
        backends=on,
        owns_backends=backends is None,
        background=background,
        routes=routes(OPERATIONS, host),
        checks={"agents": knows_agents},
        exception_handlers={404: unknown_path, 405: unknown_path},
        federated=federated,
    )
