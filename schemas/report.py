"""Reports: what monitoring reads from the records."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.message import Message

State = Literal["up", "degraded", "down"]


class UsageRow(Message):
    """Calls and tokens of one group, e.g. of one agent."""

    group: str
    calls: int
    failures: int
    input_tokens: int
    output_tokens: int


class UsageReport(Message):
    """What a tenant used in a window, grouped as asked."""

    since: datetime
    until: datetime
    group_by: str
    rows: tuple[UsageRow, ...]
    total: UsageRow


class LatencyRow(Message):
    """Milliseconds that calls of one skill took."""

    agent: str
    skill: str
    calls: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class LatencyReport(Message):
    """Response times in a window, the slowest p95 first."""

    since: datetime
    until: datetime
    rows: tuple[LatencyRow, ...]


class AgentHealth(Message):
    """The last word on one agent."""

    agent: str
    state: State
    url: str
    detail: str = ""
    checked_at: datetime
    latency_ms: float | None = Field(None, description="How long its card took to fetch.")


class HealthReport(Message):
    """The federation as the host last saw it."""

    state: State
    agents: tuple[AgentHealth, ...]
    documents: dict[str, int] = Field(default_factory=dict, description="Documents of the tenant by status.")


class FederationHealth(Message):
    """The agents as the host sees them now, and its own backends: `ok`, or what is wrong with each."""

    agents: tuple[AgentHealth, ...]
    backends: dict[str, str]
