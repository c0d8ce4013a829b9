"""Arguments that a tool wants repeated as HTTP headers, learned from the lists of tools that pass by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hosts.cli.mcp.message import Message

MARK = "x-mcp-header"
"""How an input schema marks such an argument. Source: MCP 2026-07-28, SEP-2243."""


class Mirrors:
    """Which arguments of which tools are repeated. A stdio client knows nothing of it, so the relay does it."""

    def __init__(self) -> None:
        self._places: dict[str, Mapping[tuple[str, ...], str]] = {}

    def learn(self, result: Mapping[str, Any], line: bytes) -> None:
        """Remember the marks in a list of tools, given also as the line that it came in."""
        if MARK.encode() not in line:
            return  # as nearly always: then the protocol's package is not loaded either
        from mcp.shared.inbound import x_mcp_header_map

        for tool in result.get("tools", ()):
            if found := x_mcp_header_map(tool.get("inputSchema")):
                self._places[tool["name"]] = found

    def headers(self, message: Message) -> dict[str, str]:
        """The headers that a call of a tool needs."""
        places = self._places.get(str(message.params.get("name"))) if message.method == "tools/call" else None
        if not places:
            return {}
        from mcp.shared.inbound import mcp_param_headers

        return mcp_param_headers(places, message.params.get("arguments") or {})
