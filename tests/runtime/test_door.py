"""The door of every app, where the other tests of it do not reach: below the HTTP parser."""

from __future__ import annotations

from pathlib import Path

import httpx

from runtime.settings import Settings
from tests.toy import Toy


async def test_blanks_around_header_values_count_for_nothing(tmp_path: Path) -> None:
    method = "tools/call"
    told = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
    params = {
        "name": "say",
        "arguments": {"query": "hi"},
        "_meta": {f"io.modelcontextprotocol/{key}": value for key, value in told.items()},
    }
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28\t"}
    headers |= {"Mcp-Method": f" {method} ", "Mcp-Name": "say  "}
    app = Toy(Settings(data=tmp_path)).agent.app()
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http,
    ):
        called = await http.post(
            "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers=headers
        )
    assert (called.status_code, called.json()["result"]["structuredContent"]["text"]) == (200, "hi")
