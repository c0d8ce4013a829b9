"""The skills of the monitoring agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.call import Call, Skills
from schemas.report import HealthReport, LatencyReport, UsageReport
from schemas.skills import HEALTH, LATENCY, USAGE, Health, Latency, Usage
from servers.monitoring.health import report_health
from servers.monitoring.latency import report_latency
from servers.monitoring.settings import MonitoringSettings
from servers.monitoring.usage import report_usage

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from runtime.agent import AgentServer
    from runtime.backends import Backends

DESCRIPTION = (
    "Reports what the tenant used (calls, tokens), how long calls took (p50, p95, p99) and how the federation is: "
    "which agents are up, and documents by status."
)


skills = Skills()


@skills.skill(USAGE)
async def usage(ask: Usage, call: Call) -> UsageReport:
    """Report calls, failures and tokens of the last hours, grouped by agent, skill, model or principal."""
    return await report_usage(ask, call.on.records, call.caller.tenant)


@skills.skill(LATENCY)
async def latency(ask: Latency, call: Call) -> LatencyReport:
    """Report how long calls took in the last hours: p50, p95, p99 and longest, by skill, the slowest first."""
    return await report_latency(ask, call.on.records, call.caller.tenant)


@skills.skill(HEALTH)
async def health(ask: Health, call: Call) -> HealthReport:
    """Report whether each agent is up, degraded or down, as the host last saw it, and documents by status."""
    return await report_health(call.on.records, call.caller.tenant, call.knobs(MonitoringSettings).stale_after)


def create_agent(settings: MonitoringSettings | None = None, backends: Backends | None = None) -> AgentServer:
    """The monitoring agent, ready to serve; settings come from the environment when none are given."""
    from runtime.agent import AgentServer

    settings = settings or MonitoringSettings.beside(backends)
    return AgentServer("monitoring", DESCRIPTION, skills, settings, needs=("records",), backends=backends)


def create_server(settings: MonitoringSettings | None = None) -> FastMCP[Any]:
    """Its MCP server, for `fastmcp inspect` and the like."""
    return create_agent(settings).mcp
