"""The bundle for desktop apps, judged by the official tool and started the way an app starts it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client
from mcp.client.stdio import stdio_client

from hosts.cli.mcp.bundle import bundle
from tests.conformance.node import Node

TOOL = "@anthropic-ai/mcpb/dist/cli/cli.js"
STARTED = """\
import { readFileSync } from "node:fs";
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
const [extensionPath] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(`${extensionPath}/manifest.json`));
const options = { manifest, extensionPath, systemDirs: {}, userConfig: {}, pathSeparator: "/" };
console.log(JSON.stringify(await getMcpConfigForManifest(options)));
"""
"""How an app turns a manifest into a command, by the tool's own function."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    bundle(out=tmp_path / "agentrag.mcpb", data=tmp_path / "library")
    return tmp_path / "agentrag.mcpb"


async def test_the_official_tool_takes_the_bundle(node: Node, made: Path, tmp_path: Path) -> None:
    unpacked = await node.run(TOOL, "unpack", str(made), str(tmp_path / "unpacked"))
    assert unpacked.code == 0, unpacked
    valid = await node.run(TOOL, "validate", str(tmp_path / "unpacked" / "manifest.json"))
    assert valid.code == 0, valid
    assert "Manifest schema validation passes" in valid.out
    told = await node.run(TOOL, "info", str(made))
    assert (told.code, "agentrag.mcpb" in told.out) == (0, True), told


async def test_an_app_starts_the_federation_from_the_bundle(node: Node, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    assert (await node.run(TOOL, "unpack", str(made), str(folder))).code == 0
    module = tmp_path / "started.mjs"
    module.write_text(STARTED)
    (line,) = [line async for line in node.lines(module, str(folder))]
    found = json.loads(line)
    assert (found["command"], found["args"]) == ("python3", [f"{folder}/server/main.py"])
    started = StdioServerParameters(
        command=found["command"], args=found["args"], env={**os.environ, **found["env"]}, cwd=tmp_path
    )
    async with Client(stdio_client(started), read_timeout_seconds=90) as client:
        assert "ask" in {tool.name for tool in (await client.list_tools()).tools}
    assert (tmp_path / "library" / "records.db").exists()
