"""A toy agent behind a federated endpoint, each served over HTTP, with every request at the agent noted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.agent import AgentServer
from runtime.auth import Keyring
from runtime.backends import Backends
from runtime.call import Skills
from runtime.federated import Federated
from runtime.relay import Relay
from runtime.settings import Settings
from tests.processes import free_port
from tests.serving import serving
from tests.toy import Toy


@dataclass
class Noted:
    """An app that notes the MCP method of every request it gets."""

    app: ASGIApp
    methods: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/mcp":
            self.methods.append(dict(scope["headers"]).get(b"mcp-method", b"?").decode())
        await self.app(scope, receive, send)


class ToyFederation:
    """A host that federates one toy agent, which may come and go."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keyring = Keyring.of(settings)
        self.port = free_port()
        self.lost: list[str] = []
        self.relay = Relay(lambda name: f"http://127.0.0.1:{self.port}", self.keyring, self.lost.append)
        self.federated = Federated(self.relay, settings.auth)
        self.host = AgentServer(
            "host", "Federates.", Skills(), settings, (), backends=Backends(settings), federated=self.federated
        )
        self.url = ""

    @asynccontextmanager
    async def agent(self, toy: Toy | None = None) -> AsyncIterator[tuple[Toy, list[str]]]:
        """The toy agent at work, and the requests it got."""
        toy = toy or Toy(self.settings)
        noted = Noted(toy.agent.app())
        async with serving(noted, self.port):  # type: ignore[arg-type]
            yield toy, noted.methods

    @asynccontextmanager
    async def running(self, toy: Toy | None = None) -> AsyncIterator[tuple[Toy, list[str]]]:
        """Host and agent at work, the host told of the agent."""
        async with AsyncExitStack() as stack:
            self.url = await stack.enter_async_context(serving(self.host.app())) + "/mcp"
            stack.callback(self.relay.close)
            made, methods = await stack.enter_async_context(self.agent(toy))
            assert await self.federated.heed("toy", "first", is_up=True)
            methods.clear()
            yield made, methods
