"""The doctor on real folders, with faults made on purpose: each is found, named, and comes with what mends it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hosts.cli.console import Exit
from hosts.cli.docs import ls
from hosts.cli.doctor.command import doctor
from hosts.cli.knobs import described
from runtime.federation import FolderLock, settings_classes
from runtime.models import minilm, weights
from runtime.records.schema import HEAD
from tests.processes import free_port
from tests.serving import serving

Checks = list[dict[str, str]]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for knob in described(settings_classes()):
        monkeypatch.delenv(knob.variable, raising=False)
    return tmp_path


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """A data folder in which agents have been at work."""
    data = tmp_path / "data"
    assert await ls(data=data) == Exit.OK
    return data


async def report(capsys: pytest.CaptureFixture[str], data: Path) -> tuple[Exit, Checks]:
    capsys.readouterr()
    code = await doctor(as_json=True, data=data)
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] == (code == Exit.OK)
    return code, told["checks"]


def of(checks: Checks, name: str) -> Checks:
    return [check for check in checks if check["name"] == name]


async def test_a_new_machine_is_well_and_nothing_is_made_on_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await doctor(data=tmp_path / "data") == Exit.OK
    out = capsys.readouterr().out
    assert f"ok       data folder    {tmp_path / 'data'}, made on first use" in out
    assert "vectors works, tried in a temporary folder" in out
    assert " checks: " in out.splitlines()[-1]
    assert not (tmp_path / "data").exists()


async def test_a_folder_in_use_is_well(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, checks = await report(capsys, used)
    assert code == Exit.OK
    assert of(checks, "records")[0]["text"] == f"revision {HEAD}, the newest"
    assert {check["text"] for check in of(checks, "backend")} == {
        f"{need} works" for need in ("vectors", "records", "blobs", "live", "durable", "compute")
    }


async def test_wrong_settings_are_named_and_the_machine_is_still_examined(
    used: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTRAG_LOG_LEVEL", "loud-secret")
    monkeypatch.setenv("AGENTRAG_CHUNK_TOKEN", "64")
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    wrong, strange = of(checks, "settings")
    assert wrong["text"].startswith("AGENTRAG_LOG_LEVEL: ")
    assert strange["remedy"] == "unset AGENTRAG_CHUNK_TOKEN, and set AGENTRAG_CHUNK_TOKENS"
    assert of(checks, "python")
    assert not of(checks, "data folder")
    assert "loud-secret" not in json.dumps(checks)


async def test_records_of_a_newer_program_are_left_alone(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(used / "records.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    assert "revision 9999 was written by a newer program" in of(checks, "records")[0]["text"]
    assert all("temporary" in check["text"] for check in of(checks, "backend"))


async def test_records_that_are_no_database_are_told(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("records.db", "records.db-wal", "records.db-shm"):
        (used / name).unlink(missing_ok=True)
    (used / "records.db").write_bytes(b"not a database, however long it may be" * 50)
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    assert "cannot be read as a database" in of(checks, "records")[0]["text"]
    assert of(checks, "records")[0]["remedy"].startswith("mv ")


async def test_an_index_of_another_model_is_found_before_a_search_meets_it(
    used: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = used / "vectors" / "tenant-local"
    (place / "shard").mkdir(parents=True)
    meta = {"tenant": "local", "fingerprint": "minilm-l6-v2/53aa5117/fp32", "dimension": 384, "terms": "t"}
    (place / "index.json").write_text(json.dumps(meta))
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    assert of(checks, "index")[0]["remedy"] == "export AGENTRAG_EMBEDDINGS_URL=embedded:minilm-fp32"
    meta["fingerprint"] = minilm.fingerprint("int8")
    (place / "index.json").write_text(json.dumps(meta))
    _, checks = await report(capsys, used)
    assert "was built with tokeniser t, and now" in of(checks, "index")[0]["text"]
    (place / "index.json").write_text("{")
    _, checks = await report(capsys, used)
    assert "cannot read" in of(checks, "index")[0]["text"]


async def test_missing_weights_are_told_with_the_command_that_brings_them(
    used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = weights.fetched_folder()
    folder.mkdir(parents=True)
    (folder / weights.WEIGHTS_FILE).write_bytes(b"half a file")
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    assert of(checks, "model weights")[0]["remedy"] == "agentrag models install"
    monkeypatch.setenv("AGENTRAG_EMBEDDINGS_URL", "embedded:other")
    _, checks = await report(capsys, used)
    assert "embedded:other" in of(checks, "model weights")[0]["text"]


async def test_a_data_folder_that_is_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").write_text("x")
    code, checks = await report(capsys, tmp_path / "data")
    assert code == Exit.FAILED
    assert "is no folder" in of(checks, "data folder")[0]["text"]


async def test_a_folder_that_others_can_write_is_a_warning(used: Path, capsys: pytest.CaptureFixture[str]) -> None:
    used.chmod(0o777)
    code, checks = await report(capsys, used)
    assert code == Exit.OK
    assert of(checks, "data folder")[0]["remedy"] == f"chmod go-w {used}"


async def test_a_scheme_that_nobody_serves_is_told_by_the_backend(
    used: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTRAG_LIVE_URL", "carrier-pigeon:")
    code, checks = await report(capsys, used)
    assert code == Exit.FAILED
    (live,) = [check for check in of(checks, "backend") if check["state"] == "failed"]
    assert live["text"].startswith("live: live_url is 'carrier-pigeon:'")
    assert live["remedy"] == "agentrag settings live_url shows where it is"


# a federation that runs ----------------------------------------------------------------------------------------------


class Host:
    """The part of a host that the doctor asks."""

    def __init__(self, status: int = 200) -> None:
        self.status = status

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/v1/admin/health", self.health), Route("/v1/models", self.models)])

    async def health(self, _: Request) -> Response:
        agents = [
            {"agent": "citation", "state": "up", "latency_ms": 2.0},
            {"agent": "retrieval", "state": "down", "detail": "refused"},
        ]
        return JSONResponse({"agents": agents, "backends": {"records": "ok", "live": "away"}}, self.status)

    async def models(self, request: Request) -> Response:
        key = request.headers.get("authorization")
        if key != "Bearer sk-right":
            return JSONResponse({}, 401)
        return JSONResponse({"data": [{"id": "small"}]})


async def test_the_agents_of_a_running_federation_are_told_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(Host().app()) as base_url, FolderLock(tmp_path).held(base_url):
        code, checks = await report(capsys, tmp_path)
    assert code == Exit.FAILED
    assert of(checks, "in use")[0]["text"] == f"by process {os.getpid()} at {base_url}"
    assert [(check["state"], check["text"]) for check in of(checks, "agent")] == [
        ("ok", "citation is up (2 ms)"),
        ("failed", "retrieval is down: refused"),
    ]
    assert [(check["state"], check["text"]) for check in of(checks, "backend")] == [
        ("ok", "records"),
        ("failed", "live: away"),
    ]


@pytest.mark.parametrize(("status", "state"), [(403, "warning"), (None, "failed")])
async def test_a_host_that_does_not_tell_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], status: int | None, state: str
) -> None:
    async with serving(Host(status or 200).app()) as base_url:
        address = base_url if status else f"http://127.0.0.1:{free_port()}"
        async with FolderLock(tmp_path).held(address):
            _, checks = await report(capsys, tmp_path)
    assert [check["state"] for check in of(checks, "host")] == [state]


async def test_a_model_address_is_asked_only_when_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = await report(capsys, tmp_path)
    assert "no address is asked" in of(checks, "answers")[0]["text"]
    async with serving(Host().app()) as base_url:
        monkeypatch.setenv("AGENTRAG_ANSWERS_URL", f"openai:{base_url}/v1")
        _, checks = await report(capsys, tmp_path)
        assert of(checks, "answers")[0]["remedy"] == "set OPENAI_API_KEY"
        monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
        _, checks = await report(capsys, tmp_path)
        assert of(checks, "answers")[0]["remedy"] == "set AGENTRAG_ANSWERS_MODEL to one of: small"
        monkeypatch.setenv("AGENTRAG_ANSWERS_MODEL", "small")
        _, checks = await report(capsys, tmp_path)
        assert of(checks, "answers")[0]["state"] == "ok"
    assert "sk-right" not in json.dumps(checks)
    monkeypatch.setenv("AGENTRAG_ANSWERS_URL", f"openai:http://127.0.0.1:{free_port()}/v1")
    code, checks = await report(capsys, tmp_path)
    assert code == Exit.FAILED
    assert "does not answer" in of(checks, "answers")[0]["text"]


async def test_addresses_that_the_settings_name_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AGENTRAG_AGENTS", f"retrieval={nobody}")
    monkeypatch.setenv("AGENTRAG_OTLP_ENDPOINT", nobody)
    code, checks = await report(capsys, tmp_path)
    assert code == Exit.FAILED
    assert of(checks, "agent")[0]["text"] == f"retrieval: nobody answers at {nobody}"
    assert of(checks, "telemetry")[0]["state"] == "warning"
    async with serving(Starlette()) as somebody:
        monkeypatch.setenv("AGENTRAG_OTLP_ENDPOINT", somebody)
        monkeypatch.setenv("AGENTRAG_AGENTS", "retrieval")
        _, checks = await report(capsys, tmp_path)
    assert of(checks, "telemetry")[0]["state"] == "ok"
    assert of(checks, "agent")[0]["remedy"] == "mend AGENTRAG_AGENTS"


@contextmanager
def taken(port: int) -> Iterator[bool]:
    """Whether we are the ones who hold a port meanwhile."""
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", port))
        except OSError:
            yield False
            return
        holder.listen()
        yield True


async def test_a_port_that_another_program_has_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hosts.cli.doctor.federation.SECONDS", 0.2)
    with taken(8105):
        _, checks = await asyncio.wait_for(report(capsys, tmp_path), 60)
    (port,) = [check for check in of(checks, "port") if check["text"].startswith("8105 ")]
    assert port["state"] == "warning"
    assert port["remedy"] == "agentrag serve monitoring --port 9105"


def test_names_of_checks_hold_no_surprise(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names: dict[str, Any] = dict.fromkeys(check["name"] for check in asyncio.run(report(capsys, tmp_path / "none"))[1])
    assert list(names) == [
        "python", "packages", "memory", "open files", "clock", "loopback", "tesseract", "settings", "data folder",
        "disk", "in use", "records", "model weights", "model graph", "answers", "port", "backend",
    ]  # fmt: skip
