"""An index keeps to the model that it was made with; vectors of two models never mix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from runtime.federation import running
from runtime.settings import Settings
from tests.journeys.conftest import ingested

pytestmark = pytest.mark.timeout(300)
NOTE = b"The valve opens at four bar. It closes again at three bar, and a lamp shows that it is shut."


async def with_model(data: Path, model: str, name: str, note: bytes) -> tuple[dict[str, object], dict[str, Any]]:
    """A document handed in to a federation with this model, and what it then answers."""
    settings = Settings(data=data, embeddings_url=f"embedded:minilm-{model}")
    async with running(settings) as (url, _), httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as http:
        document = await ingested(http, name, note)
        asked = {"query": "When does the valve open?"}
        answer = await http.post("/v1/queries", json=asked, headers={"Accept": "application/json"})
    return document, answer.json()


async def test_with_another_model_nothing_is_added_and_questions_are_answered_by_words(tmp_path: Path) -> None:
    made, _ = await with_model(tmp_path, "int8", "valve.txt", NOTE)
    refused, run = await with_model(tmp_path, "fp32", "lamp.txt", b"The lamp is green when the valve is open.")
    assert made["status"] == "completed"
    assert refused["status"] == "failed"
    assert "int8, and now minilm-l6-v2/53aa5117/fp32 is in use" in str(refused["error"])
    assert run["status"] == "completed"
    assert run["warnings"] == ["Searched by words only: index built with another model"]
    assert [citation["doc"] for citation in run["citations"]] == ["valve.txt"]
