"""An AgentServer that offers the names which the protocol suites call."""

from __future__ import annotations

from runtime.agent import AgentServer
from runtime.settings import Settings
from tests.conformance import asking, contents
from tests.toy import Toy


def create_fixture(settings: Settings) -> AgentServer:
    """The agent: a few skills of its own, and what the suites call beside them."""
    agent = Toy(settings).agent
    contents.add(agent.mcp)
    asking.add(agent.mcp)
    return agent
