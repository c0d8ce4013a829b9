"""What operators read over HTTP: the federation as a whole, and what every agent tells probes and peers."""

from __future__ import annotations

from starlette.responses import Response

from hosts.orchestrator.operations import Exchange, Operation, Reply
from hosts.orchestrator.parameters import Parameters, Seen
from hosts.orchestrator.representation import shown
from schemas.message import Message
from schemas.report import FederationHealth
from schemas.skills import READ_REPORTS

TAG = "Operation"


class Probe(Message):
    """One word on a process, and when it is not ready what each backend says."""

    status: str
    checks: dict[str, str] | None = None


async def health(exchange: Exchange[Parameters]) -> Response:
    """The agents as discovery sees them, and the host's own backends: `ok`, or what is wrong."""
    host = exchange.host
    agents = tuple(agent.health() for agent in host.directory.all())
    return shown(FederationHealth(agents=agents, backends=await host.on.ping(("records", "blobs", "live", "durable"))))


def _probe(word: str, summary: str, says: str) -> Operation:
    replies = [Reply(says, message=Probe)]
    if word != "live":
        replies.append(Reply("Not yet.", 503, Probe))
    return Operation("GET", f"/health/{word}", f"is_{word}", summary, None, replies, TAG)


OPERATIONS = [
    Operation(
        "GET",
        "/v1/admin/health",
        "health",
        "How the federation is",
        health,
        [Reply("Agents and backends.", message=FederationHealth)],
        TAG,
        parameters=Seen,
        scopes=READ_REPORTS,
    ),
    _probe("live", "Whether the process lives", "It does."),
    _probe("startup", "Whether the process has started", "It has."),
    _probe("ready", "Whether questions can be answered", "They can."),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "Counters for Prometheus",
        None,
        [Reply("The exposition format.", files=("text/plain",))],
        TAG,
    ),
    Operation(
        "GET",
        "/.well-known/agent-card.json",
        "agent_card",
        "The host's A2A agent card",
        None,
        [Reply("The card, as the A2A protocol defines it.", files=("application/json",), headers=("ETag",))],
        TAG,
    ),
]
