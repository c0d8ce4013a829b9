"""Every agent and the host as strangers see them: the protocol suites, the MCP Inspector, the agent cards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.types.a2a_pb2 import AgentCard
from jsonschema import Draft202012Validator

from tests.chatting import Reply
from tests.conformance import suite
from tests.conformance.card_schema import schema
from tests.conformance.conftest import SERVERS, Federation
from tests.conformance.node import Node

pytestmark = pytest.mark.asyncio(loop_scope="module")
VALIDATOR = Draft202012Validator(schema(AgentCard.DESCRIPTOR))
INSPECTOR = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
SCENARIOS = {
    "server-initialize": 2,
    "ping": 2,
    "tools-list": 3,
    "resources-list": 2,
    "prompts-list": 2,
    "caching": 7,
    "sep-2164-resource-not-found": 4,
    "dns-rebinding-protection": 2,
    "http-header-validation": 14,
}
"""What the suite can try on any server, and how many checks each makes at least."""


@pytest.mark.parametrize("server", SERVERS)
async def test_the_suite_finds_nothing_wrong(federation: Federation, node: Node, server: str, tmp_path: Path) -> None:
    url = f"{federation.base(server)}/mcp"
    for scenario, checks in SCENARIOS.items():
        found = await suite.run(node, suite.SUITE, url, tmp_path / scenario, "--scenario", scenario)
        assert found.complaints([scenario]) == []
        assert found.ended.code == 0, found.ended.out
        assert found.totals([scenario])["SUCCESS"] >= checks


CALLS: dict[str, tuple[str, dict[str, Any], str]] = {
    "orchestrator": ("ask", {"query": "When does the valve open?"}, "citations"),
    "retrieval": ("hybrid_search", {"query": "When does the valve open?", "top_k": 2}, "chunks"),
    "ingestion": ("list_documents", {"limit": 5}, "items"),
    "synthesis": ("follow_ups", {"question": "When?", "answer": "At four bar.", "chunks": []}, "questions"),
    "citation": ("verify", {"claim": "It opens at four bar.", "references": ["The valve opens at four bar."]}, "score"),
    "monitoring": ("health", {}, "agents"),
}
"""A tool of each server, its arguments, and a field of what it gives."""


async def inspected(node: Node, url: str, *options: str) -> Any:
    """What the MCP Inspector reads from a server."""
    ended = await node.run(INSPECTOR, "--cli", url, "--transport", "http", *options)
    assert ended.code == 0, ended
    return json.loads(ended.out)


@pytest.mark.parametrize("server", SERVERS)
async def test_the_inspector_lists_the_tools_and_calls_one(federation: Federation, node: Node, server: str) -> None:
    url = f"{federation.base(server)}/mcp"
    tool, arguments, field = CALLS[server]
    federation.says(Reply(["The valve opens at four bar [0]."]))
    listed = await inspected(node, url, "--method", "tools/list", "--strict")
    given = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in arguments.items()]
    options = ["--tool-arg", *given] if given else []
    called = await inspected(node, url, "--method", "tools/call", "--tool-name", tool, *options)
    assert tool in {one["name"] for one in listed["tools"]}
    assert field in called["structuredContent"], called
    assert called["isError"] is False


@pytest.mark.parametrize("server", SERVERS)
async def test_its_card_is_valid_and_names_where_it_was_asked_for(federation: Federation, server: str) -> None:
    base = federation.base(server)
    async with httpx.AsyncClient(trust_env=False) as http:
        card = (await http.get(f"{base}/.well-known/agent-card.json")).json()
    assert [flaw.message for flaw in VALIDATOR.iter_errors(card)] == []
    assert [one["url"] for one in card["supportedInterfaces"]] == [f"{base}/a2a"]
    assert card["capabilities"]["extensions"][0]["params"]["url"] == f"{base}/mcp"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"version": ""}, "'' should be non-empty"),
        ({"url": "http://127.0.0.1"}, "'url' was unexpected"),
        ({"skills": [{"id": "say", "name": "Say"}]}, "'description' is a required property"),
        ({"skills": "say"}, "'say' is not of type 'array'"),
        ({"securitySchemes": {"both": {"mtlsSecurityScheme": {}, "apiKeySecurityScheme": {}}}}, "is valid under each"),
    ],
)
async def test_a_card_that_is_not_valid_would_be_noticed(
    federation: Federation, change: dict[str, Any], complaint: str
) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        card = (await http.get(f"{federation.url}/.well-known/agent-card.json")).json()
    flaws = [flaw.message for flaw in VALIDATOR.iter_errors(card | change)]
    assert any(complaint in flaw for flaw in flaws), flaws
