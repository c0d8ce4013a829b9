"""The host's pure rules."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hosts.orchestrator.discovery import judge
from hosts.orchestrator.progress import eta_seconds
from hosts.orchestrator.routes.queries import wants_json
from hosts.orchestrator.settings import HostSettings
from hosts.orchestrator.stream import replay
from runtime.errors import NotFoundError, SettingsError
from schemas.document import Document
from schemas.query import Run

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "claimed", "latency_ms", "state"),
    [
        (200, "retrieval", 5, "up"),
        (304, "retrieval", 5, "up"),
        (200, "retrieval", 5000, "degraded"),
        (200, "synthesis", 5, "down"),
        (500, "retrieval", 5, "down"),
        (404, "", 5, "down"),
    ],
)
def test_one_answer_to_a_card_request_judges_an_agent(status: int, claimed: str, latency_ms: float, state: str) -> None:
    assert judge(status, "retrieval", claimed, latency_ms, 2000)[0] == state


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        ("*/*", False),
        ("text/event-stream", False),
        ("application/json", True),
        ("application/json;q=0.9, */*", True),
        ("text/event-stream, application/json", False),
        ("", False),
    ],
)
def test_only_an_explicit_wish_gets_json(accept: str, json: bool) -> None:
    assert wants_json(accept) is json


def document(progress: int, status: str = "processing") -> Document:
    return Document(doc_id="doc_1", filename="a.pdf", status=status, progress=progress, created_at=NOW, updated_at=NOW)


def test_the_time_left_follows_from_the_pace_so_far() -> None:
    assert eta_seconds(document(25), NOW.timestamp() + 10) == 30.0
    assert eta_seconds(document(2), NOW.timestamp() + 10) is None
    assert eta_seconds(document(100, "completed"), NOW.timestamp() + 10) is None


def run(**fields: object) -> Run:
    return Run(query_id="q_1", conversation_id="c_1", query="why", trace_id="t", created_at=NOW, **fields)


def test_a_replayed_run_ends_with_done_on_every_path() -> None:
    completed = replay(run(status="completed", answer="Because [0].", related=("And then?",)))
    assert [event.event for event in completed] == ["accepted", "token", "citations", "related", "done"]
    failed = replay(run(status="failed", error=NotFoundError("gone").problem()))
    assert [event.event for event in failed] == ["accepted", "error", "done"]
    assert failed[-1].status == "failed"
    cancelled = replay(run(status="cancelled"))
    assert [event.event for event in cancelled] == ["accepted", "done"]


def test_agents_are_read_from_one_setting() -> None:
    settings = HostSettings(agents="retrieval=http://a:1/, synthesis=https://b")
    assert settings.addresses() == {"retrieval": "http://a:1", "synthesis": "https://b"}
    with pytest.raises(SettingsError, match="name=http://host:port"):
        HostSettings(agents="retrieval").addresses()
