"""Every setting is told with its value, where that comes from and what it is for; secrets and faulty values are not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hosts.cli.console import Exit
from hosts.cli.knobs import EVERYBODY, described, documented, unknown, written
from hosts.cli.settings import settings
from runtime.federation import settings_classes
from runtime.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`, and an environment without settings."""
    monkeypatch.chdir(tmp_path)
    for knob in described(settings_classes()):
        monkeypatch.delenv(knob.variable, raising=False)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    """What was printed as JSON, by variable."""
    return {one["variable"]: one for one in json.loads(capsys.readouterr().out)["settings"]}


def test_every_setting_has_a_text_that_says_what_it_is_for() -> None:
    knobs = described(settings_classes())
    assert len(knobs) > 50
    assert [knob.variable for knob in knobs if not knob.about.endswith(".")] == []
    assert documented(Settings)["data"].startswith("The data folder: ")


def test_settings_belong_to_those_who_read_them() -> None:
    users = {knob.name: knob.used_by for knob in described(settings_classes())}
    assert users["log_level"] == (EVERYBODY,)
    assert users["chunk_tokens"] == ("ingestion",)
    assert set(users["discovery_seconds"]) == {"monitoring", "orchestrator"}


def test_values_come_with_their_source(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / ".env").write_text("AGENTRAG_LOG_LEVEL=DEBUG\nAGENTRAG_CHUNK_TOKENS=64\nOPENAI_API_KEY=sk-nobody\n")
    monkeypatch.setenv("AGENTRAG_CHUNK_TOKENS", "96")
    assert settings(changed=True, as_json=True, data=nowhere) == Exit.OK
    shown = {variable: (one["value"], one["source"]) for variable, one in told(capsys).items()}
    assert shown == {
        "AGENTRAG_DATA": (str(nowhere), "option"),
        "AGENTRAG_LOG_LEVEL": ("DEBUG", ".env"),
        "AGENTRAG_CHUNK_TOKENS": ("96", "environment"),
        "OPENAI_API_KEY": ("********", ".env"),
    }


def test_settings_are_found_by_words_and_shown_with_their_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings(["chunk_profile", "fetch_hosts"]) == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["For ingestion:", "AGENTRAG_CHUNK_PROFILE = minilm  [default]"]
    assert "AGENTRAG_FETCH_HOSTS = (not set)  [default]" in lines


def test_a_wrong_value_is_named_and_the_others_are_still_told(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / ".env").write_text("OPENAI_API_KEY=sk-nobody\nAGENTRAG_DATA=/somewhere\n")
    monkeypatch.setenv("AGENTRAG_LOG_LEVEL", "loud")
    monkeypatch.setenv("AGENTRAG_MAX_PAGES", "none")
    assert settings(changed=True) == Exit.USAGE
    out, err = capsys.readouterr()
    assert "error: AGENTRAG_LOG_LEVEL: Input should be 'DEBUG'" in err
    assert "error: AGENTRAG_MAX_PAGES: Input should be a valid integer" in err
    assert "AGENTRAG_LOG_LEVEL = loud  [from the environment]" in out
    assert "OPENAI_API_KEY = ********  [from .env]" in out
    assert "AGENTRAG_DATA = /somewhere  [from .env]" in out


def test_a_list_that_is_not_written_as_one_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTRAG_ALLOWED_HOSTS", "a,b")
    assert settings(["allowed_hosts"]) == Exit.USAGE
    assert "error: AGENTRAG_ALLOWED_HOSTS: cannot be parsed; lists are written as JSON" in capsys.readouterr().err


def test_a_name_that_is_no_setting_is_told_with_the_one_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTRAG_CHUNK_TOKEN", "64")
    monkeypatch.setenv("AGENTRAG_FISH", "1")
    assert settings(changed=True, as_json=True) == Exit.OK
    out, err = capsys.readouterr()
    strange = json.loads(out)["unknown"]
    assert (strange["AGENTRAG_CHUNK_TOKEN"], strange["AGENTRAG_FISH"]) == ("AGENTRAG_CHUNK_TOKENS", "")
    assert "warning: AGENTRAG_CHUNK_TOKEN is no setting; did you mean AGENTRAG_CHUNK_TOKENS?" in err


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (("a", "b"), "a, b"),
        ("postgresql://rag:secret@db/rag", "postgresql://rag:********@db/rag"),
        ("http://host:80/path@x", "http://host:80/path@x"),
        ("openai:https://u:p@host/v1", "openai:https://u:********@host/v1"),
    ],
)
def test_values_are_written_as_people_write_them_without_passwords(value: object, text: str) -> None:
    assert written(value) == text


def test_names_without_our_prefix_are_none_of_our_business() -> None:
    assert unknown(["HOME", "AGENTRAG_DATA", "agentrag_data"], ["AGENTRAG_DATA"]) == {}


def test_the_settings_table_of_the_readme_names_settings_that_exist_with_their_defaults() -> None:
    known = {knob.variable.removeprefix("AGENTRAG_"): knob for knob in described(settings_classes())}
    table = (ROOT / "README.md").read_text().partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    assert rows
    for names, defaults in rows:
        named = re.findall(r"`([A-Z_]+)`", names)
        assert [name for name in named if name not in known] == []
        cells = [cell.strip() for cell in defaults.split(", ")]
        for name, cell in zip(named, cells, strict=False):
            if cell.startswith("`"):
                assert known[name].default == cell.strip("`"), f"{name} is {known[name].default!r} in the code"
