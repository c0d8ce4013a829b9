"""Records in an SQLite file: made and migrated once, shared by processes, its owner's alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select

from runtime.errors import SettingsError, StoreUnavailableError
from runtime.records import schema, sqlite
from runtime.records.database import Database
from runtime.records.sql import SqlRecords
from runtime.records.tables import HEALTH, METADATA
from schemas.message import TenantId

WRITER = Path(__file__).with_name("writer.py")
SECONDS = 90.0
EPOCH = datetime.fromtimestamp(0, UTC)


def run_together(path: Path, processes: int, documents: int) -> list[str]:
    """Start writers, let all go at once, return what each said at the end."""
    children = [
        subprocess.Popen(
            [sys.executable, str(WRITER), str(path), f"t{number}", str(documents)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "up\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        ends = [child.communicate(timeout=SECONDS) for child in children]
    finally:
        for child in children:
            child.kill()
            child.wait()
    assert [child.returncode for child in children] == [0] * processes, [error for _, error in ends]
    return [said.strip() for said, _ in ends]


def test_five_processes_may_start_on_a_new_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    assert run_together(path, 5, 0) == ["{}"] * 5
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.HEAD,)]


async def test_two_processes_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = await SqlRecords.open(path)
    ends = await asyncio.to_thread(run_together, path, 2, 60)
    assert ends == ["{'completed': 60}"] * 2
    assert await records.documents.counts(TenantId("t1")) == {"completed": 60}
    await records.close()


async def test_a_writer_waits_for_the_writer_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = await SqlRecords.open(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        foreign.execute("BEGIN IMMEDIATE")
        deleting = asyncio.create_task(records.documents.delete(TenantId("t"), "d"))
        done, _ = await asyncio.wait({deleting}, timeout=0.3)
        assert not done
        assert await records.documents.counts(TenantId("t")) == {}
        foreign.execute("ROLLBACK")
    assert await asyncio.wait_for(deleting, SECONDS) is False
    await records.close()


async def test_the_file_and_its_log_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "records.db"
    records = await SqlRecords.open(path)
    await records.documents.delete(TenantId("t"), "d")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert modes["records.db"] == 0o600
    assert set(modes.values()) == {0o600}
    await records.close()


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    run_together(tmp_path / "records.db", 1, 3)
    records = await SqlRecords.open(tmp_path / "records.db")
    found = await records.documents.list(TenantId("t0"), limit=10)
    assert {each.pages for each in found.items} == {20}
    await records.close()


def test_opening_an_up_to_date_file_does_not_load_alembic(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys, pathlib\n"
        "from runtime.records.sql import SqlRecords\n"
        "asyncio.run(SqlRecords.open(pathlib.Path(sys.argv[1])))\n"
        "print('alembic' in sys.modules)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / "records.db")],
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
        ).stdout.strip()
        for _ in range(2)
    ]
    assert said == ["True", "False"]


def test_the_revisions_make_the_tables_that_the_code_knows(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    sqlite.prepare_file(path)
    engine = sqlite.migration_engine(path)
    schema.bring_up_to_date(engine)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
    engine.dispose()


def test_the_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.HEAD]


async def test_records_of_a_newer_program_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    await (await SqlRecords.open(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SettingsError, match="9999"):
        await SqlRecords.open(path)


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    path.write_text("my diary " * 500)
    with pytest.raises(SettingsError, match=r"records\.db"):
        await SqlRecords.open(path)
    assert path.read_text().startswith("my diary")


async def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="records_url"):
        await SqlRecords.open(tmp_path / "file" / "records.db")
    with pytest.raises(SettingsError, match="records_url"):
        await SqlRecords.open(tmp_path)


async def test_a_broken_database_is_said_to_be_away(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    records = await SqlRecords.open(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE usage")
    with pytest.raises(StoreUnavailableError, match="usage"):
        await records.usage.latencies(TenantId("t"), EPOCH, EPOCH)
    await records.ping()
    await records.close()


async def test_a_transaction_that_fails_leaves_nothing_and_frees_its_turn(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    await (await SqlRecords.open(path)).close()
    database = Database(sqlite.serving_engine(path))
    row = {"agent": "a", "state": "up", "url": "u", "detail": "", "checked_at": EPOCH}

    async def write_and_fail() -> None:
        async with database.writing() as connection:
            await connection.execute(insert(HEALTH).values(**row))
            raise KeyError("cut")

    with pytest.raises(KeyError):
        await write_and_fail()
    async with database.writing() as connection:
        assert (await connection.execute(select(HEALTH.c.agent))).all() == []
    await database.close()


async def test_many_calls_at_once_share_few_connections(tmp_path: Path) -> None:
    records = await SqlRecords.open(tmp_path / "records.db")
    tenant = TenantId("t")
    await asyncio.gather(
        *(records.documents.counts(tenant) for _ in range(60)),
        *(records.documents.delete(tenant, "d") for _ in range(60)),
    )
    opened = sum(os.path.realpath(f"/proc/self/fd/{fd}").endswith("records.db") for fd in os.listdir("/proc/self/fd"))
    assert 1 <= opened <= sqlite.CONNECTIONS
    await records.close()


async def test_a_call_that_is_cancelled_frees_its_connection(tmp_path: Path) -> None:
    records = await SqlRecords.open(tmp_path / "records.db")
    tenant = TenantId("t")
    for _ in range(3 * sqlite.CONNECTIONS):
        cut = asyncio.create_task(records.documents.delete(tenant, "d"))
        await asyncio.sleep(0)
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
    assert await asyncio.wait_for(records.documents.delete(tenant, "d"), SECONDS) is False
    await records.close()
