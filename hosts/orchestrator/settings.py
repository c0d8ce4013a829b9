"""Knobs of the host."""

from __future__ import annotations

from pydantic import Field

from runtime.errors import SettingsError
from runtime.process import PORTS
from runtime.settings import Settings


class HostSettings(Settings):
    """What the host knows besides what every process knows."""

    agents: str = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in PORTS.items())
    """Where the agents are: `name=base URL`, separated by commas."""
    discovery_seconds: float = 30.0
    """How often a working agent's card is asked for again."""
    recovery_seconds: float = 1.0
    """How often the card of an agent that is down is asked for."""
    degraded_ms: float = 2000.0
    """An agent whose card takes longer than this counts as degraded."""
    fetch_hosts: tuple[str, ...] = ()
    """Hosts that `presigned_url` may name: `host` or `host:port`; `*` is every public address. None by default."""
    fetch_seconds: float = 300.0
    """Longest time to fetch one document."""
    requests_per_minute: int | None = Field(None, ge=0)
    """Requests below /v1 that one user may make in a minute; 0 is any number. 100 by default, but any number for the
    owner of a federation that listens on loopback alone."""

    def addresses(self) -> dict[str, str]:
        """The base URL of each agent by name. Raises SettingsError for an entry that is not `name=URL`."""
        found = {}
        for entry in filter(None, (part.strip() for part in self.agents.split(","))):
            name, _, url = entry.partition("=")
            if not url.startswith(("http://", "https://")):
                raise SettingsError(f"agents holds {entry!r}; write name=http://host:port, separated by commas")
            found[name] = url.rstrip("/")
        return found
