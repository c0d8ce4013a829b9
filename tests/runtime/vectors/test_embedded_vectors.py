"""The store child: one owner a folder, never longer alive than its parent, and nothing lost when it is killed."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from runtime import frames
from runtime.errors import FolderInUseError, InternalError, InvalidInputError, StoreUnavailableError
from runtime.vectors.contract import Probe, Unit
from runtime.vectors.embedded import EmbeddedVectors
from runtime.vectors.lock import FolderLock
from runtime.vectors.place import embedded_socket
from runtime.vectors.process import serve_store
from runtime.vectors.remote import RemoteVectors
from schemas.message import DocumentId, TenantId, VersionId

ANNA = TenantId("anna")


def unit(number: int) -> Unit:
    place = (DocumentId("a"), VersionId("v"), 1)
    return Unit(UUID(int=number), "chunk", *place, {number: 1, 7: 1}, {"n": number}, np.ones(2, np.float32))


async def count(store: RemoteVectors) -> int:
    (hits,) = await store.search(ANNA, [Probe("chunk_terms", 1000, terms={7: 1.0})])
    return len(hits)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def until_gone(pid: int, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while is_running(pid):
            await asyncio.sleep(0.05)


async def test_a_second_owner_is_refused_and_told_what_to_do(tmp_path: Path) -> None:
    first = await EmbeddedVectors.open(tmp_path / "v")
    with pytest.raises(FolderInUseError) as refusal:
        await EmbeddedVectors.open(tmp_path / "v")
    assert str(tmp_path / "v") in str(refusal.value)
    assert str(first.pid) in str(refusal.value)
    assert "agentrag serve store" in str(refusal.value)
    assert "AGENTRAG_VECTORS_URL=store:" in str(refusal.value)
    await first.ping()
    await first.close()


async def test_a_folder_can_be_opened_again_at_once(tmp_path: Path) -> None:
    for expected in (0, 1, 2):
        store = await EmbeddedVectors.open(tmp_path / "v")
        assert await count(store) == expected
        await store.ensure(ANNA, "m", 2)
        await store.upsert(ANNA, [unit(expected)])
        await store.close()
        assert store.pid is None
    assert not embedded_socket(tmp_path / "v").exists()


async def test_a_killed_child_is_replaced_and_has_lost_nothing(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    await store.ensure(ANNA, "m", 2)
    pids = []
    for batch in range(3):
        await store.upsert(ANNA, [unit(10 * batch + n) for n in range(10)])
        assert store.pid is not None
        pids.append(store.pid)
        os.kill(store.pid, signal.SIGKILL)
        assert await count(store) == 10 * (batch + 1)
    assert len(set(pids)) == 3
    await store.close()


async def test_a_child_killed_in_the_middle_of_writing_is_written_to_again(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    await store.ensure(ANNA, "m", 2)
    writing = asyncio.create_task(store.upsert(ANNA, [unit(n) for n in range(640)]))
    async with asyncio.timeout(60):
        while await count(store) < 64:
            await asyncio.sleep(0)
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        await writing
    assert await store.seal(ANNA, DocumentId("a"), VersionId("v")) == 640
    await store.close()


async def test_requests_at_the_same_time_start_one_new_child(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    await store.ensure(ANNA, "m", 2)
    await store.upsert(ANNA, [unit(1)])
    assert store.pid is not None
    os.kill(store.pid, signal.SIGKILL)
    assert await asyncio.gather(*(count(store) for _ in range(12))) == [1] * 12
    await store.close()


async def test_a_closed_store_is_not_started_again(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    await store.close()
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    assert store.pid is None


PARENT = """
import asyncio, os, sys
from pathlib import Path
from runtime.vectors.embedded import EmbeddedVectors

async def main():
    store = await EmbeddedVectors.open(Path(sys.argv[1]))
    if sys.argv[2] == "forked" and os.fork() == 0:
        os.execvp("sleep", ["sleep", "60"])
    print(store.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["alone", "forked"])
async def test_the_child_ends_when_its_parent_is_killed(tmp_path: Path, how: str) -> None:
    script = textwrap.dedent(PARENT)
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "v"), how], stdout=subprocess.PIPE, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        child = int(await asyncio.to_thread(parent.stdout.readline))
        assert is_running(child)
        parent.kill()
        parent.wait(20)
        await until_gone(child)
        again = await EmbeddedVectors.open(tmp_path / "v")
        await again.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


async def test_the_child_ends_in_good_order_when_it_is_told_to(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    pid = store.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    await store.ping()
    assert store.pid == pid, "Ctrl-C in a terminal is for the parent"
    os.kill(pid, signal.SIGTERM)
    await until_gone(pid)
    await store.close()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InternalError):
        await EmbeddedVectors.open(tmp_path / "file" / "v")


async def test_damaged_files_are_told_with_the_remedy(tmp_path: Path) -> None:
    store = await EmbeddedVectors.open(tmp_path / "v")
    await store.ensure(ANNA, "m", 2)
    await store.upsert(ANNA, [unit(1)])
    await store.close()
    for file in (tmp_path / "v").rglob("*config*.json"):
        file.write_text("{")
    store = await EmbeddedVectors.open(tmp_path / "v")
    with pytest.raises(StoreUnavailableError, match="restore"):
        await count(store)
    for file in (tmp_path / "v").rglob("index.json"):
        file.write_text("{")
    with pytest.raises(StoreUnavailableError, match="cannot read"):
        await count(store)
    await store.close()


async def test_a_client_without_a_store_is_told_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="agentrag serve store"):
        await RemoteVectors.connect(tmp_path / "nothing.sock")


@pytest.fixture
async def served(tmp_path: Path):
    """Starts and stops a store at one socket."""
    running: list[asyncio.Task[None]] = []

    async def start() -> Path:
        ready = asyncio.Event()
        running.append(asyncio.create_task(serve_store(tmp_path / "v", tmp_path / "s", ready.set)))
        async with asyncio.timeout(20):
            await ready.wait()
        return tmp_path / "s"

    async def stop() -> None:
        task = running.pop()
        task.cancel()
        await asyncio.wait((task,))

    yield start, stop
    while running:
        await stop()


async def test_a_client_finds_a_restarted_store_by_itself(served) -> None:
    start, stop = served
    client = await RemoteVectors.connect(await start())
    await client.ensure(ANNA, "m", 2)
    await client.upsert(ANNA, [unit(1)])
    await stop()
    with pytest.raises(StoreUnavailableError):
        await count(client)
    await start()
    assert await count(client) == 1
    await client.close()


async def test_a_store_shares_its_folder_with_nobody(served, tmp_path: Path) -> None:
    start, _ = served
    await start()
    with pytest.raises(FolderInUseError):
        await EmbeddedVectors.open(tmp_path / "v")
    with pytest.raises(FolderInUseError):
        await asyncio.to_thread(FolderLock.take, tmp_path / "v")


async def test_a_store_at_a_very_long_path_is_found(tmp_path: Path) -> None:
    socket = tmp_path / ("x" * 120) / "s"
    ready = asyncio.Event()
    task = asyncio.create_task(serve_store(tmp_path / "v", socket, ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    client = await RemoteVectors.connect(socket)
    await client.close()
    task.cancel()
    await asyncio.wait((task,))


async def test_nonsense_is_answered_and_does_no_harm(served) -> None:
    start, _ = served
    place = await start()
    client = await RemoteVectors.connect(place)
    reader, writer = await asyncio.open_unix_connection(str(place))
    for nonsense in ({"do": "dance"}, {"do": "search"}, ["what"], None):
        await frames.write(writer, nonsense)
        async with asyncio.timeout(10):
            assert "error" in await frames.read(reader)
    writer.write(b"\xff\xff\xff\xff")
    async with asyncio.timeout(10):
        assert await reader.read() == b"", "a frame beyond the limit ends the connection"
    writer.close()
    with pytest.raises(InvalidInputError, match="dance"):
        await client._ask("dance", 5.0)
    await client.ping()
    await client.close()


async def test_an_owner_that_is_leaving_is_waited_for(tmp_path: Path) -> None:
    lock = await asyncio.to_thread(FolderLock.take, tmp_path)
    lock.note(leaving=True)
    taking = asyncio.create_task(asyncio.to_thread(FolderLock.take, tmp_path))
    await asyncio.sleep(0.8)
    assert not taking.done()
    lock.release()
    async with asyncio.timeout(10):
        (await taking).release()


async def test_a_long_search_for_an_answer_ends(tmp_path: Path) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_unix_server(silent, str(tmp_path / "s"))
    client = RemoteVectors(tmp_path / "s")
    began = time.monotonic()
    with pytest.raises(StoreUnavailableError, match=r"within 0\.1 s"):
        await client._ask("ping", 0.1)
    assert time.monotonic() - began < 20
    server.close()
