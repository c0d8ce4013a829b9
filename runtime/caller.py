"""The Caller: on whose behalf something happens. It is the first thing made at a door and goes everywhere."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Literal

from runtime.errors import DeadlineError, ForbiddenError, UnauthenticatedError
from schemas.message import TenantId
from schemas.skills import SCOPES

Role = Literal["admin", "member", "viewer", "system"]
LOCAL_TENANT = TenantId("local")


@dataclass(frozen=True)
class Caller:
    """Who asks, for which tenant, with which rights, within which trace and until when.

    `deadline` is a Unix time in seconds, or None. `trace` is the 32-digit hex trace id.
    """

    tenant: TenantId
    principal: str
    role: Role
    scopes: frozenset[str]
    trace: str = ""
    deadline: float | None = None

    @classmethod
    def owner(cls, trace: str = "") -> Caller:
        """The person at this computer: owner of tenant `local`."""
        return cls(LOCAL_TENANT, "owner", "admin", SCOPES, trace)

    @classmethod
    def system(cls, tenant: TenantId, trace: str = "") -> Caller:
        """Our own background work for a tenant."""
        return cls(tenant, "system", "system", SCOPES, trace)

    @property
    def owner_key(self) -> str:
        """What A2A tasks and streams belong to."""
        return f"{self.tenant}/{self.principal}"

    def require(self, scopes: frozenset[str]) -> None:
        """Raise ForbiddenError unless this caller holds all `scopes`."""
        missing = scopes - self.scopes
        if missing:
            raise ForbiddenError(
                f"{self.principal!r} lacks the scope {', '.join(sorted(missing))}; ask an admin for it"
            )

    def within(self, seconds: float) -> Caller:
        """The same caller with a deadline at most `seconds` from now."""
        limit = time.time() + seconds
        return replace(self, deadline=limit if self.deadline is None else min(limit, self.deadline))

    def remaining(self, default: float) -> float:
        """Seconds left, at most `default`. Raises DeadlineError when none are left."""
        if self.deadline is None:
            return default
        left = self.deadline - time.time()
        if left <= 0:
            raise DeadlineError("the caller's deadline has passed; ask again with more time")
        return min(left, default)


_current: ContextVar[Caller | None] = ContextVar("agentrag_caller", default=None)


def current() -> Caller:
    """The caller of the work at hand. Raises UnauthenticatedError outside of any."""
    caller = _current.get()
    if caller is None:
        raise UnauthenticatedError("no caller is known here; every request must come through a door that makes one")
    return caller


def become(caller: Caller) -> None:
    """Make `caller` the one on whose behalf this task and its children run."""
    _current.set(caller)
