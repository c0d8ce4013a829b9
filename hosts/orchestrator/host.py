"""The Host: what routes and workflows share while the host runs."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.orchestrator.discovery import Directory
from hosts.orchestrator.settings import HostSettings
from runtime.backends import Backends
from runtime.client import FederationClient


@dataclass(frozen=True)
class Host:
    """Backends, agents and the way to call them. `boot` numbers this start of the host; later starts have more."""

    settings: HostSettings
    on: Backends
    directory: Directory
    client: FederationClient
    boot: int
