"""The federation: ports, the agents of one that runs, and addresses that the settings name."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from runtime.errors import SettingsError
from runtime.process import HOST_PORT, PORTS
from runtime.settings import Settings

SECONDS = 5.0
"""Longest wait for an answer."""


def port(number: int, purpose: str, taken_by: str | None, is_ours: bool) -> Finding | None:
    """Whether a port is free, or taken by this federation; nothing to tell of a free port that few use."""
    if taken_by is None:
        return ok("port", f"{number} is free for {purpose}") if number == HOST_PORT else None
    if is_ours:
        return ok("port", f"{number} is taken by this federation")
    command = "agentrag up" if number == HOST_PORT else f"agentrag serve {purpose}"
    return warning("port", f"{number} is taken by {taken_by}", f"{command} --port {number + 1000}")


def agent(health: Mapping[str, Any]) -> Finding:
    """How an agent is, by what discovery last saw."""
    name, state, detail = str(health.get("agent")), health.get("state"), str(health.get("detail") or "")
    text = f"{name} is {state}" + (f": {detail}" if detail else "")
    if state == "up":
        latency = health.get("latency_ms")
        return ok("agent", text if latency is None else f"{text} ({latency:.0f} ms)")
    if state == "degraded":
        return warning("agent", text, "look at the load of its machine; AGENTRAG_DEGRADED_MS is the limit")
    return failed("agent", text, f"agentrag serve {name}, or `agentrag up` again")


def backend(name: str, said: str) -> Finding:
    """How a backend is, by its ping."""
    if said == "ok":
        return ok("backend", name)
    return failed("backend", f"{name}: {said}", "see the log of the host; end it and start `agentrag up` again")


def card(name: str, url: str, claimed: str | None) -> Finding:
    """Whether the agent that the settings name is at its address; None when nothing answers there."""
    if claimed == name:
        return ok("agent", f"{name} answers at {url}")
    text = f"nobody answers at {url}" if claimed is None else f"{url} is {claimed!r}"
    return failed("agent", f"{name}: {text}", f"agentrag serve {name}, or mend AGENTRAG_AGENTS")


async def examined(settings: Settings, address: str | None) -> AsyncIterator[Finding]:
    """Look at the ports, at the federation that runs at `address` if one does, and at addresses of the settings."""
    ours = urlsplit(address).port if address else None
    for number, purpose in {HOST_PORT: "agentrag up", **{number: name for name, number in PORTS.items()}}.items():
        found = port(number, purpose, await _taken_by(number), number == ours)
        if found is not None:
            yield found
    if address is not None:
        async for finding in _running(address):
            yield finding
    try:
        for name, url in _named_agents(settings).items():
            yield card(name, url, await _claimed(url))
    except SettingsError as error:
        yield failed("agent", str(error), "mend AGENTRAG_AGENTS")
    if settings.otlp_endpoint:
        yield await _telemetry(settings.otlp_endpoint)


async def _taken_by(number: int) -> str | None:
    """Who listens at a port of this machine: an agent by its name, else another program; None for nobody."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            claimed = await _claimed(f"http://127.0.0.1:{number}")
            return f"the agent {claimed}" if claimed else "another program"
    return None


async def _running(address: str) -> AsyncIterator[Finding]:
    """What a running host says of its agents and backends."""
    try:
        async with httpx.AsyncClient(base_url=address, timeout=SECONDS, trust_env=False) as client:
            said = await client.get("/v1/admin/health")
            told = said.json() if said.is_success else None
    except (httpx.HTTPError, ValueError) as error:
        text = f"{address} does not answer ({str(error) or type(error).__name__})"
        yield failed("host", text, "end its process, then start `agentrag up` again")
        return
    if told is None:
        yield warning("host", f"{address} does not tell how it is (status {said.status_code})", "ask as its owner")
        return
    yield ok("host", f"answers at {address}")
    for health in told.get("agents", []):
        yield agent(health)
    for name, state in told.get("backends", {}).items():
        yield backend(name, str(state))


def _named_agents(settings: Settings) -> dict[str, str]:
    """Agents in processes of their own, when the settings name them."""
    from runtime.federation import HOST, settings_classes

    host = settings_classes()[HOST](data=settings.data)
    return host.addresses() if "agents" in host.model_fields_set else {}  # type: ignore[attr-defined]


async def _claimed(url: str) -> str | None:
    """The name on the agent card at an address."""
    try:
        async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
            return str((await client.get(f"{url}/.well-known/agent-card.json")).json()["name"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return None


async def _telemetry(endpoint: str) -> Finding:
    """Whether something listens where spans go; nothing is sent."""
    address = urlsplit(endpoint)
    where = address.port or (443 if address.scheme == "https" else 80)
    try:
        async with asyncio.timeout(SECONDS):
            _, writer = await asyncio.open_connection(address.hostname, where)
    except OSError as error:
        text = f"nobody listens at {endpoint} ({error.strerror or type(error).__name__})"
        return warning("telemetry", text, "start the collector, or unset AGENTRAG_OTLP_ENDPOINT")
    writer.close()
    return ok("telemetry", f"somebody listens at {endpoint}")
