"""The embedded engine: survives kill -9, owns its journal alone, forgets what ended long ago, bounds its work."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runtime.durable.contract import ActivityContext, Json, Task, WorkflowContext, WorkflowState
from runtime.durable.embedded import KEPT, EmbeddedDurable
from runtime.errors import AgentRAGError, FolderInUseError, InternalError, SettingsError, StoreUnavailableError

Way = Generator[Task, Any, Json]
PROGRAM = Path(__file__).with_name("program.py")
SECONDS = 30.0


def started(folder: Path) -> subprocess.Popen[str]:
    """The program, at work."""
    command = [sys.executable, str(PROGRAM), str(folder / "workflows.db"), str(folder / "notes")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(folder: Path) -> None:
    """Start the program and kill it in the middle of its second activity."""
    child = started(folder)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "slow\n", child.communicate()[1]
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate(timeout=SECONDS)


async def ended(engine: EmbeddedDurable, instance_id: str) -> WorkflowState:
    """How a run ended, within bounds."""
    return await asyncio.wait_for(engine.wait(instance_id), SECONDS)


def nothing(ctx: WorkflowContext, input: Json) -> Way:
    return {}
    yield


def one(ctx: WorkflowContext, input: Json) -> Way:
    result = yield ctx.call_activity("act", input)
    return dict(result)


def test_a_killed_program_goes_on_where_it_was(tmp_path: Path) -> None:
    killed(tmp_path)
    said, errors = started(tmp_path).communicate(timeout=SECONDS)
    assert json.loads(said.splitlines()[-1]) == {"resumed": 1, "status": "completed", "sum": 106}, errors
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert notes == [[1, "order-66:1", 1], [2, "order-66:2", 1], [2, "order-66:2", 2], [3, "order-66:3", 1]]


def test_every_kill_counts_as_an_attempt(tmp_path: Path) -> None:
    killed(tmp_path)
    with closing(sqlite3.connect(tmp_path / "workflows.db", isolation_level=None)) as journal:
        journal.execute("UPDATE step SET attempt = 0 WHERE number = 2")  # the next run is slow again
    killed(tmp_path)
    started(tmp_path).communicate(timeout=SECONDS)
    notes = [json.loads(line) for line in (tmp_path / "notes").read_text().splitlines()]
    assert [key for _, key, _ in notes].count("order-66:2") == 3
    assert [step for step, _, _ in notes].count(1) == 1


async def test_a_second_process_on_the_same_journal_is_refused(tmp_path: Path) -> None:
    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    child = await asyncio.to_thread(started, tmp_path)
    _, errors = await asyncio.to_thread(child.communicate, timeout=SECONDS)
    assert child.returncode != 0
    assert "FolderInUseError" in errors
    assert f"workflows.db are run by process {os.getpid()}; stop it" in errors
    with pytest.raises(FolderInUseError):
        await EmbeddedDurable.open(tmp_path / "workflows.db")
    await engine.close()
    await engine.close()
    await (await EmbeddedDurable.open(tmp_path / "workflows.db")).close()


async def test_the_journal_is_its_owners_alone(tmp_path: Path) -> None:
    engine = await EmbeddedDurable.open(tmp_path / "deep" / "workflows.db")
    engine.register({"nothing": nothing}, {})
    await engine.start("nothing", "run-1", {})
    modes = {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "deep").iterdir()}
    assert modes == {0o600}
    await engine.close()


async def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def clock() -> datetime:
        return now

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db", clock=clock)
    engine.register({"nothing": nothing, "one": one}, {})
    await engine.start("nothing", "old", {})
    now += KEPT - timedelta(hours=1)
    await engine.start("nothing", "recent", {})
    await engine.close()
    now += timedelta(hours=2)
    engine = await EmbeddedDurable.open(tmp_path / "workflows.db", clock=clock)
    assert await engine.state("old") is None
    assert (await ended(engine, "recent")).status == "completed"
    now += KEPT
    engine.register({"one": one}, {})
    await engine.start("one", "trigger", {})
    await ended(engine, "trigger")
    async with asyncio.timeout(SECONDS):
        while await engine.state("recent") is not None:
            await asyncio.sleep(0.01)
    assert (await ended(engine, "trigger")).status == "failed"
    await engine.close()


async def test_only_so_many_ended_runs_are_kept(tmp_path: Path) -> None:
    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"nothing": nothing, "one": one}, {"act": _forever})
    await engine.start("one", "running", {})
    for number in range(20):
        await engine.start("nothing", f"run-{number:02}", {})
    assert await engine._journal.purge(datetime.min.replace(tzinfo=UTC), keep=5) == 15
    assert await engine.state("run-14") is None
    assert await engine.state("run-15") is not None
    assert (await engine.state("running")).status == "running"
    await engine.close()


async def _forever(context: ActivityContext, input: Json) -> Json:
    await asyncio.Event().wait()
    return {}


async def test_no_more_activities_run_at_once_than_allowed(tmp_path: Path) -> None:
    at_once, most, go_on = 0, 0, asyncio.Event()

    async def act(context: ActivityContext, input: Json) -> Json:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await go_on.wait()
        at_once -= 1
        return {}

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db", activities_at_once=3)
    engine.register({"one": one}, {"act": act})
    for number in range(10):
        await engine.start("one", f"run-{number}", {})
    async with asyncio.timeout(SECONDS):
        while at_once < 3:
            await asyncio.sleep(0.01)
    go_on.set()
    for number in range(10):
        assert (await ended(engine, f"run-{number}")).status == "completed"
    assert most == 3
    await engine.close()


async def test_a_caller_that_goes_away_while_starting_leaves_a_run_that_goes_on(tmp_path: Path) -> None:
    async def act(context: ActivityContext, input: Json) -> Json:
        return {"n": 1}

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"one": one}, {"act": act})
    starting = asyncio.create_task(engine.start("one", "run-1", {}))
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(SECONDS):
        while await engine.state("run-1") is None:
            await asyncio.sleep(0.01)
    assert (await ended(engine, "run-1")).result == {"n": 1}
    await engine.close()


async def test_activities_know_nothing_of_who_started_the_run(tmp_path: Path) -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody")

    async def act(context: ActivityContext, input: Json) -> Json:
        return {"whose": whose.get()}

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"one": one}, {"act": act})
    whose.set("ann")
    await engine.start("one", "run-1", {})
    assert (await ended(engine, "run-1")).result == {"whose": "nobody"}
    await engine.close()


async def test_one_name_means_one_function(tmp_path: Path) -> None:
    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"one": one}, {"act": _forever})
    engine.register({"one": one}, {"act": _forever})
    with pytest.raises(InternalError, match="one"):
        engine.register({"one": nothing}, {})
    await engine.close()


async def test_a_run_whose_journal_breaks_is_not_lost(tmp_path: Path) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def act(context: ActivityContext, input: Json) -> Json:
        reached.set()
        await go_on.wait()
        return {"attempt": context.attempt}

    path = tmp_path / "workflows.db"
    engine = await EmbeddedDurable.open(path)
    engine.register({"one": one}, {"act": act})
    await engine.start("one", "run-1", {})
    await asyncio.wait_for(reached.wait(), SECONDS)
    waiting = asyncio.create_task(ended(engine, "run-1"))
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        journal.execute("ALTER TABLE step RENAME TO step_away")
        go_on.set()
        with pytest.raises(StoreUnavailableError, match="step"):
            await waiting
        journal.execute("ALTER TABLE step_away RENAME TO step")
    assert (await engine.state("run-1")).status == "running"
    assert await engine.resume() == 1
    assert (await ended(engine, "run-1")).result == {"attempt": 2}
    await engine.close()


async def test_a_workflow_cleans_up_when_it_is_cancelled(tmp_path: Path) -> None:
    left: list[str] = []

    def tidy(ctx: WorkflowContext, input: Json) -> Way:
        try:
            yield ctx.call_activity("act", {})
        finally:
            left.append("tidied")
            raise KeyError("on the way out")
        return {}

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"tidy": tidy}, {"act": _forever})
    await engine.start("tidy", "run-1", {})
    assert await engine.cancel("run-1")
    assert left == ["tidied"]
    assert (await engine.state("run-1")).status == "cancelled"
    await engine.close()


async def test_a_workflow_without_yield_is_a_fault(tmp_path: Path) -> None:
    def direct(ctx: WorkflowContext, input: Json) -> Json:
        return {}

    def crashing(ctx: WorkflowContext, input: Json) -> Json:
        raise ValueError("before any step")

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"direct": direct, "crashing": crashing}, {})  # type: ignore[dict-item]
    await engine.start("direct", "run-1", {})
    assert "no generator" in str((await ended(engine, "run-1")).error)
    await engine.start("crashing", "run-2", {})
    assert (await ended(engine, "run-2")).error == "ValueError: before any step"
    await engine.close()


async def test_a_run_that_never_ends_by_itself_is_stopped(tmp_path: Path) -> None:
    def endless(ctx: WorkflowContext, input: Json) -> Way:
        while True:
            ctx.timer(timedelta(days=1))
        yield

    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"endless": endless}, {})
    await engine.start("endless", "run-1", {})
    assert "10000 steps" in str((await ended(engine, "run-1")).error)
    await engine.close()


async def test_a_journal_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "workflows.db"
    await (await EmbeddedDurable.open(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        journal.execute("PRAGMA user_version=99")
    for _ in range(2):
        with pytest.raises(SettingsError, match="99"):
            await EmbeddedDurable.open(path)


async def test_a_file_that_is_no_journal_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "workflows.db"
    path.write_text("my diary " * 500)
    with pytest.raises(SettingsError, match="durable_url"):
        await EmbeddedDurable.open(path)
    assert path.read_text().startswith("my diary")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="durable_url"):
        await EmbeddedDurable.open(tmp_path / "file" / "workflows.db")


async def test_after_the_end_nothing_answers(tmp_path: Path) -> None:
    engine = await EmbeddedDurable.open(tmp_path / "workflows.db")
    engine.register({"nothing": nothing}, {})
    await engine.close()
    for act in (engine.ping(), engine.resume(), engine.start("nothing", "r", {}), engine.wait("r"), engine.state("r")):
        with pytest.raises(StoreUnavailableError):
            await act
    for change in (engine.cancel("r"), engine.signal("r", "e", {})):
        with pytest.raises(AgentRAGError):
            await change
