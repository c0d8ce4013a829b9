"""What each fact about an installation means: ok, a warning or a failure, and what mends it."""

from __future__ import annotations

import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hosts.cli.doctor import backends, federation, machine, model, settings, storage
from hosts.cli.doctor.command import line
from hosts.cli.doctor.finding import Finding, failed, ok, summary, warning
from hosts.cli.doctor.storage import Place
from hosts.cli.knobs import Fault, Knob
from runtime.errors import FolderInUseError, StoreUnavailableError

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DATA = Path("/data")
FOLDER = stat.S_IFDIR | 0o700


def state(finding: Finding) -> str:
    """The state, once it is sure that whatever is not ok comes with a remedy."""
    assert finding.text
    assert bool(finding.remedy) == (finding.state != "ok")
    return finding.state


@pytest.mark.parametrize(
    ("running", "expected"), [("3.11.0", "ok"), ("3.14.0rc1", "ok"), ("3.10.9", "failed"), ("4.0.0", "ok")]
)
def test_python_must_be_one_that_the_package_names(running: str, expected: str) -> None:
    assert state(machine.python(running, ">=3.11")) == expected


@pytest.mark.parametrize(
    ("installed", "expected", "words"),
    [
        ({"a": "1.4", "b": "2"}, "ok", "2 packages|3 packages"),
        ({"a": "1.4", "b": None}, "failed", "b is missing"),
        ({"a": "2.0", "b": "2"}, "failed", r"a is 2\.0 where <2,>=1 is needed"),
    ],
)
def test_packages_must_be_there_in_versions_that_fit(
    installed: dict[str, str | None], expected: str, words: str
) -> None:
    wanted = ["a>=1,<2", "b[extra]", "c>=1; sys_platform == 'never'"]
    finding = machine.packages(wanted, {"agentrag": "0.1", **installed})
    assert state(finding) == expected
    assert re.search(words, finding.text)


@pytest.mark.parametrize(
    ("available", "expected"), [(None, "ok"), (8e9, "ok"), (999_999_999, "warning"), (399_999_999, "failed")]
)
def test_memory(available: float | None, expected: str) -> None:
    assert state(machine.memory(None if available is None else int(available))) == expected


@pytest.mark.parametrize(("limit", "expected"), [(1024, "ok"), (1023, "warning"), (255, "failed")])
def test_open_files(limit: int, expected: str) -> None:
    assert state(machine.open_files(limit)) == expected


@pytest.mark.parametrize(
    ("now", "newest", "expected"),
    [
        (NOW, None, "ok"),
        (NOW, NOW + timedelta(seconds=59), "ok"),
        (NOW, NOW + timedelta(hours=2), "warning"),
        (datetime(1970, 1, 1, tzinfo=UTC), None, "failed"),
    ],
)
def test_the_clock_must_not_be_behind(now: datetime, newest: datetime | None, expected: str) -> None:
    assert state(machine.clock(now, newest)) == expected


def test_nobody_has_to_have_tesseract() -> None:
    assert state(machine.tesseract(None)) == state(machine.tesseract("/usr/bin/tesseract")) == "ok"


def test_a_container_has_the_memory_that_its_limit_leaves(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  9000000 kB\nMemAvailable:  4000000 kB\n")
    assert machine.available_bytes(tmp_path, tmp_path / "none") == 4_096_000_000
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("100\n")
    assert machine.available_bytes(tmp_path, tmp_path) == 4_096_000_000
    (tmp_path / "memory.max").write_text("600\n")
    assert machine.available_bytes(tmp_path, tmp_path) == 500
    assert machine.available_bytes(tmp_path / "none", tmp_path) is None


@pytest.mark.parametrize(
    ("place", "expected", "remedy"),
    [
        (Place(DATA, True, FOLDER, 1000), "ok", ""),
        (Place(DATA, True), "ok", ""),
        (Place(DATA, False), "failed", "--data"),
        (Place(DATA, True, stat.S_IFREG | 0o600, 1000), "failed", "--data"),
        (Place(DATA, False, FOLDER, 1000), "failed", "chown -R 1000 /data"),
        (Place(DATA, True, FOLDER, 0), "warning", "run as user 0"),
        (Place(DATA, True, FOLDER | 0o020, 1000), "warning", "chmod go-w /data"),
    ],
)
def test_the_data_folder_belongs_to_its_user_alone(place: Place, expected: str, remedy: str) -> None:
    finding = storage.folder(place, 1000)
    assert state(finding) == expected
    assert remedy in finding.remedy


@pytest.mark.parametrize(("free", "expected"), [(2e9, "ok"), (1.9e9, "warning"), (1.9e8, "failed")])
def test_disk(free: float, expected: str) -> None:
    assert state(storage.disk(int(free))) == expected


def test_whoever_works_in_the_folder_is_named() -> None:
    assert "by nobody" in storage.lock(None).text
    assert "process 7 at http://127.0.0.1:8000" in storage.lock({"pid": 7, "address": "http://127.0.0.1:8000"}).text
    assert "process unknown" in storage.lock({}).text


@pytest.mark.parametrize(
    ("found", "expected"), [(None, "ok"), ("0002", "ok"), ("0001", "warning"), ("", "warning"), ("0003", "failed")]
)
def test_records_are_of_this_program(found: str | None, expected: str) -> None:
    assert state(storage.records(found, "0002")) == expected


def test_an_index_that_does_not_fit_comes_with_the_way_out() -> None:
    int8, fp32 = "minilm/53aa/int8", "minilm/53aa/fp32"
    assert state(storage.index("local", int8, int8, "")) == "ok"
    other_model = storage.index("local", fp32, int8, "built with model fp32")
    assert state(other_model) == "failed"
    assert other_model.remedy == "export AGENTRAG_EMBEDDINGS_URL=embedded:minilm-fp32"
    other_format = storage.index("local", int8, int8, "built with format 1")
    assert state(other_format) == "failed"
    assert other_format.remedy.startswith("move that folder away")


@pytest.mark.parametrize(
    ("number", "taken_by", "is_ours", "expected"),
    [
        (8000, None, False, "ok"),
        (8101, None, False, None),
        (8000, "the agent orchestrator", True, "ok"),
        (8000, "another program", False, "warning"),
    ],
)
def test_ports(number: int, taken_by: str | None, is_ours: bool, expected: str | None) -> None:
    found = federation.port(number, "retrieval", taken_by, is_ours)
    assert (None if found is None else state(found)) == expected


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        ({"agent": "retrieval", "state": "up", "latency_ms": 3.2}, "ok"),
        ({"agent": "retrieval", "state": "up"}, "ok"),
        ({"agent": "retrieval", "state": "degraded", "detail": "slow"}, "warning"),
        ({"agent": "retrieval", "state": "down", "detail": "refused"}, "failed"),
        ({}, "failed"),
    ],
)
def test_agents_are_as_discovery_saw_them(health: dict[str, Any], expected: str) -> None:
    assert state(federation.agent(health)) == expected


def test_an_agent_must_be_the_one_that_the_settings_name() -> None:
    assert state(federation.card("retrieval", "http://h", "retrieval")) == "ok"
    assert "nobody answers" in federation.card("retrieval", "http://h", None).text
    assert "is 'citation'" in federation.card("retrieval", "http://h", "citation").text


def test_backends_are_as_their_ping_says() -> None:
    assert state(federation.backend("live", "ok")) == state(backends.opened("live", "ok", "")) == "ok"
    assert state(federation.backend("live", "away")) == state(backends.opened("live", "away", "")) == "failed"
    assert state(backends.refused("vectors", FolderInUseError("held by 7"))) == "warning"
    assert state(backends.refused("vectors", StoreUnavailableError("away"))) == "failed"


@pytest.mark.parametrize(
    ("status", "listed", "expected", "words"),
    [
        (200, ("small", "large"), "ok", "small at h"),
        (200, ("large",), "warning", "does not list 'small'"),
        (404, None, "ok", "has no list of models"),
        (401, None, "failed", "refuses the key"),
        (503, None, "failed", "status 503"),
    ],
)
def test_the_model_that_answers(status: int, listed: tuple[str, ...] | None, expected: str, words: str) -> None:
    finding = model.answer(status, listed, "small", "h")
    assert state(finding) == expected
    assert words in finding.text


def test_the_graph_is_there_or_can_be_built() -> None:
    assert state(model.graph(Path("/c/graph"), True, False)) == "ok"
    assert "built on first use" in model.graph(Path("/c/graph"), False, True).text
    assert state(model.graph(Path("/c/graph"), False, False)) == "failed"


def test_settings_are_told_by_name() -> None:
    knob = Knob("log_level", "AGENTRAG_LOG_LEVEL", "", "INFO", value="DEBUG", source=".env")
    assert settings.values([knob], [])[0].text == "AGENTRAG_LOG_LEVEL=DEBUG"
    assert settings.values([], [])[0].text == "all at their defaults"
    assert [state(one) for one in settings.values([knob], [Fault("A", "bad"), Fault("B", "bad")])] == ["failed"] * 2
    near, far = settings.names({"AGENTRAG_DATE": "AGENTRAG_DATA", "AGENTRAG_FISH": ""})
    assert near.remedy == "unset AGENTRAG_DATE, and set AGENTRAG_DATA"
    assert far.remedy == "unset AGENTRAG_FISH"


def test_a_line_shows_its_remedy_below_and_colours_only_when_asked() -> None:
    shown = line(warning("disk", "1.0 GB free", "make room"), coloured=False)
    assert shown == "warning  disk           1.0 GB free\n                        fix: make room"
    assert line(ok("disk", "fine"), coloured=True) == "\033[32mok      \033[0m disk           fine"


def test_the_summary_counts() -> None:
    assert summary([ok("a", "x")]) == "1 checks: 1 ok"
    three = [ok("a", "x"), warning("b", "x", "y"), warning("c", "x", "y"), failed("d", "x", "y")]
    assert summary(three) == "4 checks: 1 ok, 2 warnings, 1 failed"
