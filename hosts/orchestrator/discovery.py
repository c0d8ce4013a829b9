"""Discovery: read each agent's card, keep it fresh by its ETag, and know who is up, degraded or down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from runtime.errors import AgentUnavailableError
from runtime.trust import authorities
from schemas.report import AgentHealth, State

if TYPE_CHECKING:
    import httpx

    from runtime.records.contract import HealthRecords

log = structlog.get_logger()

CARD_PATH = "/.well-known/agent-card.json"
CARD_SECONDS = 5.0
Heed = Callable[["KnownAgent"], Awaitable[bool]]
"""Takes note of an agent each time it was asked; False asks for another look soon."""
NEVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class KnownAgent:
    """One agent as last seen. Requests go to `url`, the address its card came from, whatever the card claims."""

    name: str
    url: str
    state: State = "down"
    detail: str = "not asked yet"
    etag: str = ""
    card: Mapping[str, Any] | None = None
    checked_at: datetime = NEVER
    latency_ms: float | None = None

    def health(self) -> AgentHealth:
        """As a health row."""
        return AgentHealth(
            agent=self.name,
            state=self.state,
            url=self.url,
            detail=self.detail,
            checked_at=self.checked_at,
            latency_ms=self.latency_ms,
        )


def judge(status: int, name: str, claimed: str, latency_ms: float, degraded_ms: float) -> tuple[State, str]:
    """The state that one answer to a card request means."""
    if status not in {200, 304}:
        return "down", f"its card answers with status {status}"
    if claimed != name:
        return "down", f"the card there is of {claimed!r}, not of {name!r}"
    if latency_ms > degraded_ms:
        return "degraded", f"its card took {latency_ms:.0f} ms, the limit is {degraded_ms:.0f} ms"
    return "up", ""


class Directory:
    """The agents by name."""

    def __init__(
        self, addresses: Mapping[str, str], *, refresh_seconds: float, recovery_seconds: float, degraded_ms: float
    ) -> None:
        self._agents = {name: KnownAgent(name, url) for name, url in addresses.items()}
        self._refresh_seconds = refresh_seconds
        self._recovery_seconds = recovery_seconds
        self._degraded_ms = degraded_ms
        self._known = asyncio.Event()
        self._doubts = {name: asyncio.Event() for name in addresses}

    def address(self, name: str) -> str:
        """Where an agent is. Raises AgentUnavailableError for one that no address is known of."""
        agent = self._agents.get(name)
        if agent is None:
            raise AgentUnavailableError(f"no address of {name!r} is known; name it in AGENTRAG_AGENTS")
        return agent.url

    def all(self) -> list[KnownAgent]:
        """Every agent by name."""
        return sorted(self._agents.values(), key=lambda agent: agent.name)

    @property
    def is_known(self) -> bool:
        """Whether every agent has been asked at least once, and one answered."""
        return self._known.is_set()

    async def known(self) -> None:
        """Return once that is so."""
        await self._known.wait()

    def doubt(self, name: str) -> None:
        """Have an agent looked at now, for somebody could not reach it."""
        if name in self._doubts and self._agents[name].state != "down":
            self._doubts[name].set()

    @asynccontextmanager
    async def watching(self, health: HealthRecords, heed: Heed | None = None) -> AsyncIterator[None]:
        """Keep the cards fresh for as long as the context is open, and `heed` informed."""
        import httpx

        async with httpx.AsyncClient(trust_env=False, verify=authorities(), timeout=CARD_SECONDS) as client:
            watchers = [asyncio.create_task(self._watch(name, client, health, heed)) for name in self._agents]
            try:
                yield
            finally:
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)

    async def _watch(self, name: str, client: httpx.AsyncClient, health: HealthRecords, heed: Heed | None) -> None:
        while True:
            self._doubts[name].clear()
            before = self._agents[name]
            after = await self._ask(before, client)
            is_settled = heed is None or await heed(after)
            self._agents[name] = after
            agents = self._agents.values()
            if all(agent.checked_at > NEVER for agent in agents) and any(agent.state != "down" for agent in agents):
                self._known.set()
            if after.state != before.state:
                log.info("agent.changed", agent=name, was=before.state, state=after.state, detail=after.detail)
            with suppress(Exception):  # health rows are for reports; discovery goes on without them
                await health.put([after.health()])
            is_settled &= after.state != "down"
            with suppress(TimeoutError):
                async with asyncio.timeout(self._refresh_seconds if is_settled else self._recovery_seconds):
                    await self._doubts[name].wait()

    async def _ask(self, agent: KnownAgent, client: httpx.AsyncClient) -> KnownAgent:
        import httpx

        started = time.perf_counter()
        headers = {"If-None-Match": agent.etag} if agent.etag else {}
        now = datetime.now(UTC)
        try:
            answer = await client.get(agent.url + CARD_PATH, headers=headers)
            card = agent.card if answer.status_code == 304 else answer.json()
        except (httpx.HTTPError, ValueError) as error:
            return replace(agent, state="down", detail=f"{type(error).__name__}: {error}", etag="", checked_at=now)
        latency_ms = (time.perf_counter() - started) * 1000
        claimed = str((card or {}).get("name", ""))
        state, detail = judge(answer.status_code, agent.name, claimed, latency_ms, self._degraded_ms)
        return replace(
            agent,
            state=state,
            detail=detail,
            etag=answer.headers.get("etag", "") if state != "down" else "",
            card=card if state != "down" else agent.card,
            checked_at=now,
            latency_ms=latency_ms,
        )
