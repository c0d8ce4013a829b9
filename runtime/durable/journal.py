"""The journal of all runs: what was asked, every step and how it ended. One transaction a turn, in one thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from runtime.durable.contract import WorkflowState
from runtime.durable.execution import Arrived, Ended
from runtime.durable.payload import decode
from runtime.durable.steps import Step
from runtime.durable.tables import arrived_of, connect, step_of, text_of, transaction
from runtime.errors import StoreUnavailableError

T = TypeVar("T")

PURGED_AT_ONCE = 500


@dataclass(frozen=True)
class Opening:
    """A run that begins: its first steps, and its end when it needs none."""

    instance_id: str
    workflow: str
    input: str
    at: datetime
    steps: Sequence[Step]
    ended: Ended | None


@dataclass(frozen=True)
class Turn:
    """What one outcome led to. `event` is the inbox row that was used up; `value` the outcome's canonical JSON."""

    instance_id: str
    arrival: int
    arrived: Arrived
    value: str | None
    event: int | None
    steps: Sequence[Step]
    ended: Ended | None


@dataclass(frozen=True)
class Event:
    """A signal that waits to be waited for."""

    id: int
    name: str
    data: str


@dataclass(frozen=True)
class History:
    """A run that goes on: `attempts` of the steps that are still to be done, by number."""

    instance_id: str
    workflow: str
    input: str
    started_at: datetime
    steps: Sequence[Step]
    arrived: Sequence[Arrived]
    attempts: dict[int, int]
    inbox: Sequence[Event]


class Journal:
    """Reads and writes the journal. Raises StoreUnavailableError when the file cannot be read or written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    @classmethod
    async def open(cls, path: Path) -> Journal:
        """The journal in a file. Raises SettingsError when it cannot be one."""
        return cls(await asyncio.to_thread(connect, path))

    async def begin(self, opening: Opening) -> bool:
        """Write a new run; False, and nothing written, when its id is taken."""
        return await self._do(lambda: self._begin(opening))

    async def turn(self, turn: Turn) -> bool:
        """Write a turn; False, and nothing written, when the run has been ended meanwhile."""
        return await self._do(lambda: self._turn(turn))

    async def end(self, instance_id: str, ended: Ended, at: datetime) -> bool:
        """End a run; False when it had ended or is not there."""
        return await self._do(lambda: self._end(instance_id, ended, at))

    async def state(self, instance_id: str) -> WorkflowState | None:
        """How a run stands."""
        return await self._do(lambda: self._state(instance_id))

    async def signal(self, instance_id: str, name: str, data: str) -> Event | None:
        """Put an event into the inbox of a run; None when the run is not there or has ended."""
        return await self._do(lambda: self._signal(instance_id, name, data))

    async def running(self) -> list[tuple[str, str]]:
        """Ids and workflows of the runs that have not ended, oldest first."""
        return await self._do(
            lambda: [
                (row["instance_id"], row["workflow"])
                for row in self._connection.execute(
                    "SELECT instance_id, workflow FROM run WHERE status = 'running' ORDER BY started_at, instance_id"
                )
            ]
        )

    async def take_up(self, instance_id: str) -> History | None:
        """The history of a run that goes on, its cut-off steps counted as attempted once more; None when it ended."""
        return await self._do(lambda: self._take_up(instance_id))

    async def purge(self, before: datetime, keep: int) -> int:
        """Forget some of the runs that ended before a time, or beyond the newest `keep`; return how many."""
        return await self._do(lambda: self._purge(text_of(before), keep))

    async def close(self) -> None:
        """Finish what is being written and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, RuntimeError) as error:
            raise StoreUnavailableError(
                f"the workflow journal does not answer ({error}); look at its disk, then restart to go on with its runs"
            ) from error

    def _begin(self, opening: Opening) -> bool:
        with transaction(self._connection):
            added = self._connection.execute(
                "INSERT OR IGNORE INTO run (instance_id, workflow, input, status, started_at) VALUES (?, ?, ?, ?, ?)",
                (opening.instance_id, opening.workflow, opening.input, "running", text_of(opening.at)),
            )
            if added.rowcount == 0:
                return False
            self._add_steps(opening.instance_id, opening.steps)
            if opening.ended is not None:
                self._write_end(opening.instance_id, opening.ended, opening.at)
            return True

    def _turn(self, turn: Turn) -> bool:
        with transaction(self._connection):
            if not self._is_running(turn.instance_id):
                return False
            outcome = turn.arrived.outcome
            self._connection.execute(
                "UPDATE step SET arrival = ?, value = ?, error = ?, error_kind = ?, arrived_at = ?"
                " WHERE instance_id = ? AND number = ?",
                (
                    *(turn.arrival, turn.value, outcome.error, outcome.kind, text_of(turn.arrived.at)),
                    *(turn.instance_id, turn.arrived.number),
                ),
            )
            if turn.event is not None:
                self._connection.execute("DELETE FROM inbox WHERE id = ?", (turn.event,))
            self._add_steps(turn.instance_id, turn.steps)
            if turn.ended is not None:
                self._write_end(turn.instance_id, turn.ended, turn.arrived.at)
            return True

    def _end(self, instance_id: str, ended: Ended, at: datetime) -> bool:
        with transaction(self._connection):
            return self._write_end(instance_id, ended, at)

    def _state(self, instance_id: str) -> WorkflowState | None:
        row = self._connection.execute("SELECT * FROM run WHERE instance_id = ?", (instance_id,)).fetchone()
        if row is None:
            return None
        result = None if row["result"] is None else decode(row["result"])
        return WorkflowState(instance_id, row["workflow"], row["status"], result, row["error"])

    def _signal(self, instance_id: str, name: str, data: str) -> Event | None:
        with transaction(self._connection):
            if not self._is_running(instance_id):
                return None
            added = self._connection.execute(
                "INSERT INTO inbox (instance_id, name, data) VALUES (?, ?, ?)", (instance_id, name, data)
            )
            return Event(added.lastrowid or 0, name, data)

    def _take_up(self, instance_id: str) -> History | None:
        this = (instance_id,)
        with transaction(self._connection):
            run = self._connection.execute(
                "SELECT * FROM run WHERE instance_id = ? AND status = 'running'", this
            ).fetchone()
            if run is None:
                return None
            self._connection.execute(
                "UPDATE step SET attempt = attempt + 1 WHERE instance_id = ? AND arrival IS NULL", this
            )
            rows = self._connection.execute("SELECT * FROM step WHERE instance_id = ? ORDER BY number", this).fetchall()
            inbox = self._connection.execute("SELECT * FROM inbox WHERE instance_id = ? ORDER BY id", this).fetchall()
        ended = sorted((row for row in rows if row["arrival"] is not None), key=lambda row: int(row["arrival"]))
        return History(
            instance_id,
            run["workflow"],
            run["input"],
            datetime.fromisoformat(run["started_at"]),
            [step_of(row) for row in rows],
            [arrived_of(row) for row in ended],
            {row["number"]: row["attempt"] for row in rows if row["arrival"] is None},
            [Event(row["id"], row["name"], row["data"]) for row in inbox],
        )

    def _purge(self, before: str, keep: int) -> int:
        with transaction(self._connection):
            return self._connection.execute(
                "DELETE FROM run WHERE instance_id IN ("
                " SELECT instance_id FROM run WHERE ended_at IS NOT NULL AND (ended_at < ? OR ended_at <"
                "  (SELECT ended_at FROM run WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?))"
                " ORDER BY ended_at LIMIT ?)",
                (before, max(keep - 1, 0), PURGED_AT_ONCE),
            ).rowcount

    def _is_running(self, instance_id: str) -> bool:
        row = self._connection.execute("SELECT status FROM run WHERE instance_id = ?", (instance_id,)).fetchone()
        return row is not None and row["status"] == "running"

    def _add_steps(self, instance_id: str, steps: Sequence[Step]) -> None:
        self._connection.executemany(
            "INSERT INTO step (instance_id, number, kind, name, input, due, attempt) VALUES (?, ?, ?, ?, ?, ?, 1)",
            [
                (instance_id, step.number, step.kind, step.name, step.input, step.due and text_of(step.due))
                for step in steps
            ],
        )

    def _write_end(self, instance_id: str, ended: Ended, at: datetime) -> bool:
        written = self._connection.execute(
            "UPDATE run SET status = ?, result = ?, error = ?, ended_at = ?"
            " WHERE instance_id = ? AND status = 'running'",
            (ended.status, ended.result, ended.error, text_of(at), instance_id),
        )
        return written.rowcount > 0
