"""A step that leaves a stream before its end stops the agent's work."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path

from hosts.orchestrator.discovery import Directory
from hosts.orchestrator.handoff import Handoffs
from hosts.orchestrator.host import Host
from hosts.orchestrator.settings import HostSettings
from hosts.orchestrator.steps import Step
from hosts.orchestrator.stream import RunStream
from runtime.auth import Keyring
from runtime.caller import LOCAL_TENANT, Caller
from runtime.client import FederationClient
from schemas.message import RunId
from schemas.query import Query, Run
from schemas.skills import Token
from tests.serving import serving
from tests.toy import SING, Say, Toy


def step_over(toy: Toy, client: FederationClient, settings: HostSettings) -> Step:
    directory = Directory({}, refresh_seconds=1, recovery_seconds=1, degraded_ms=1)
    host = Host(settings, toy.on, directory, client, boot=1)
    run = Run(
        query_id="q_1",
        conversation_id="c_1",
        query="why",
        status="running",
        trace_id="t",
        created_at=datetime.now(UTC),
    )
    return Step(
        host=host,
        caller=Caller.owner("0" * 32),
        query_id=RunId("q_1"),
        query=Query(query="why"),
        run=run,
        key="q_1:2:1",
        left=Handoffs(toy.on.blobs, LOCAL_TENANT, "q_1"),
        stream=RunStream(host, LOCAL_TENANT, "q_1"),
    )


async def test_leaving_a_stream_between_two_tokens_stops_the_agent(tmp_path: Path) -> None:
    settings = HostSettings(data=tmp_path)
    toy = Toy(settings)
    await toy.on.open(["blobs"])
    async with serving(toy.agent.app()) as url, asyncio.timeout(20):
        client = FederationClient(lambda name: url, Keyring.of(settings))
        step = step_over(toy, client, settings)
        async with aclosing(step.streamed(SING, Say(query="la", times=30_000), "q_1:2:1.1")) as items:
            async for item in items:
                assert isinstance(item, Token)
                break
        await toy.stopped.wait()
        await client.close()
