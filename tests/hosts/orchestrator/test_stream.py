"""The stream of a run that goes on after a restart: told from its beginning, whoever comes first, never as ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hosts.orchestrator.discovery import Directory
from hosts.orchestrator.handoff import Handoffs
from hosts.orchestrator.host import Host
from hosts.orchestrator.settings import HostSettings
from hosts.orchestrator.stream import RunStream, parse
from runtime.auth import Keyring
from runtime.backends import Backends
from runtime.caller import LOCAL_TENANT, Caller
from runtime.client import FederationClient
from runtime.records.contract import StoredRun
from schemas.answer import Answer
from schemas.event import AgentUpdate, Done, RunEvent
from schemas.message import RunId
from schemas.query import Run

RUN = Run(
    query_id="q_1",
    conversation_id="c_1",
    query="why",
    status="running",
    trace_id="t",
    created_at=datetime.now(UTC),
)
DONE = Done(query_id="q_1", status="completed", trace_id="t")


async def restarted(folder: Path) -> Host:
    """A host whose record has a running run with its answer, and whose streams are gone."""
    settings = HostSettings(data=folder)
    on = Backends(settings)
    await on.open(["records", "blobs", "live"])
    owner = Caller.owner()
    await on.records.runs.begin(StoredRun(LOCAL_TENANT, owner.principal, RUN, {"query": "why"}))
    answer = Answer(text="Because.", kind="extractive", model="m", prompt="p")
    await Handoffs(on.blobs, LOCAL_TENANT, "q_1").leave("answer", answer)
    directory = Directory({}, refresh_seconds=1, recovery_seconds=1, degraded_ms=1)
    return Host(settings, on, directory, FederationClient(directory.address, Keyring.of(settings)), boot=2)


def stream_of(host: Host) -> RunStream:
    return RunStream(host, LOCAL_TENANT, RunId("q_1"))


async def everything(host: Host, after: str | None) -> list[RunEvent]:
    return [parse(entry) async for entry in stream_of(host).read(after)]


@pytest.mark.parametrize("reader_is_first", [True, False])
async def test_a_reader_and_a_step_that_come_together_see_one_story_to_its_end(
    tmp_path: Path, reader_is_first: bool
) -> None:
    host = await restarted(tmp_path)
    update = AgentUpdate(agent="citation", message="Checking citations...")
    async with asyncio.timeout(10):
        reads = [asyncio.create_task(everything(host, "1.7")) for _ in range(3)]
        if reader_is_first:
            await asyncio.sleep(0)
        step = asyncio.create_task(stream_of(host).publish(update))
        if not reader_is_first:
            await asyncio.sleep(0)
        await step
        await stream_of(host).publish(DONE)
        await stream_of(host).end()
        stories = await asyncio.gather(*reads)
    for story in stories:
        assert [event.event for event in story] == ["reset", "accepted", "token", "agent_update", "done"]
        assert story[-1] == DONE
    await host.on.close()


async def test_a_step_waits_while_another_tells_what_happened_before(tmp_path: Path) -> None:
    host = await restarted(tmp_path)
    live = host.on.live
    assert await live.claim(f"run:{LOCAL_TENANT}:q_1:recap", ttl_seconds=60)
    step = asyncio.create_task(stream_of(host).publish(DONE))
    reader = asyncio.create_task(everything(host, None))
    await asyncio.wait([step, reader], timeout=0.2)
    assert not step.done()
    assert not reader.done()
    await live.forget(f"run:{LOCAL_TENANT}:q_1:recap")  # the teller is gone: the next one takes over
    async with asyncio.timeout(10):
        await step
        await stream_of(host).end()
        story = await reader
    assert [event.event for event in story] == ["accepted", "token", "done"]
    await host.on.close()
