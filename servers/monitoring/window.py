"""The stretch of time that a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Window:
    """From `since` to before `until`, both with a time zone."""

    since: datetime
    until: datetime

    @classmethod
    def last(cls, hours: float, now: datetime | None = None) -> Window:
        """The last `hours` hours."""
        until = now or datetime.now(UTC)
        return cls(until - timedelta(hours=hours), until)
