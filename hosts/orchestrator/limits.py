"""Limits: how many requests one user may make in a minute, and what each response says about that."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hosts.orchestrator.settings import HostSettings
from runtime.caller import Caller
from runtime.errors import RateLimitError
from runtime.live.contract import Live

WINDOW_SECONDS = 60
REQUESTS_PER_MINUTE = 100
"""What one user may ask for when the settings say nothing."""


@dataclass(frozen=True)
class Allowance:
    """What is left of a window. `used` counts the request at hand; `resets_s` is whole seconds, at least 1."""

    limit: int
    used: int
    resets_s: int

    def headers(self) -> dict[str, str]:
        """The fields `RateLimit-Policy` and `RateLimit`. Source: draft-ietf-httpapi-ratelimit-headers-11."""
        left = max(0, self.limit - self.used)
        return {
            "RateLimit-Policy": f'"user";q={self.limit};w={WINDOW_SECONDS}',
            "RateLimit": f'"user";r={left};t={self.resets_s}',
        }

    def require(self) -> None:
        """Raise RateLimitError when more was asked for than is allowed."""
        if self.used > self.limit:
            raise RateLimitError(
                f"{self.limit} requests a minute are allowed; ask again in {self.resets_s} s, "
                "or raise AGENTRAG_REQUESTS_PER_MINUTE",
                retry_after_s=self.resets_s,
            )


def limit_of(settings: HostSettings) -> int:
    """Requests per minute and user; 0 is any number, as for the owner of a local federation who set none."""
    if settings.requests_per_minute is not None:
        return settings.requests_per_minute
    return 0 if settings.auth == "local" else REQUESTS_PER_MINUTE


async def spend(live: Live, caller: Caller, limit: int, now: float) -> Allowance:
    """Count one request of a caller; windows begin with each whole minute of `now` (Unix seconds)."""
    window = int(now // WINDOW_SECONDS)
    used = await live.add(f"requests:{caller.owner_key}:{window}", ttl_seconds=WINDOW_SECONDS)
    return Allowance(limit, used, max(1, math.ceil((window + 1) * WINDOW_SECONDS - now)))
