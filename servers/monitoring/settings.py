"""Knobs of the monitoring agent."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from runtime.settings import Settings


class MonitoringSettings(Settings):
    """What counts as news, and what as old."""

    discovery_seconds: float = Field(30.0, gt=0)
    """Seconds between two looks of the host at each agent; the host's own setting of the same name."""
    stale_periods: float = Field(3.0, gt=0)
    """Periods of `discovery_seconds` without a look after which an agent counts as down."""

    @property
    def stale_after(self) -> timedelta:
        """Age from which the last word on an agent is no longer believed."""
        return timedelta(seconds=self.discovery_seconds * self.stale_periods)
