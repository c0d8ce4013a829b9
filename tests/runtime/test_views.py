"""Views: pages that show results in MCP clients, and the tools that are there for them alone."""

from __future__ import annotations

from fastmcp import Client

from runtime.auth import Keyring
from runtime.caller import LOCAL_TENANT, Caller
from schemas.skills import READ_DOCUMENTS
from tests.toy import VIEW, Toy


async def test_a_view_is_served_and_named_by_the_tools_whose_results_it_shows(door: object) -> None:
    async with Client(door) as client:
        tools = {tool.name: tool.meta for tool in await client.list_tools()}
        (listed,) = await client.list_resources()
        (read,) = await client.read_resource(VIEW)
        declared = client.server_capabilities.extensions
    assert "io.modelcontextprotocol/ui" in declared
    assert tools["say"]["ui"] == {"resourceUri": VIEW}
    assert "ui" not in (tools["sing"] or {})
    assert (str(listed.uri), listed.description) == (VIEW, "What was said, in large letters.")
    assert (read.mime_type, read.text) == ("text/html;profile=mcp-app", "<!doctype html><title>Said</title>")
    assert read.meta["ui"] == {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}


async def test_a_tool_for_a_view_alone_is_hidden_from_models_and_does_what_the_skill_does(door: object) -> None:
    async with Client(door) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        said = await client.call_tool("say_quietly", {"query": "hello"})
    assert tools["say_quietly"].meta["ui"] == {"resourceUri": VIEW, "visibility": ["app"]}
    assert tools["say_quietly"].input_schema == tools["say"].input_schema
    assert said.structured_content["text"] == "hello"


async def test_being_hidden_from_models_opens_no_way_past_the_scopes(toy: Toy, base_url: str) -> None:
    reader = Caller(LOCAL_TENANT, "reader", "viewer", READ_DOCUMENTS)
    async with Client(base_url + "/mcp", auth=Keyring.of(toy.agent.settings).mint(reader, "toy")) as client:
        found = await client.call_tool("report_quietly", {"query": "x"}, raise_on_error=False)
    assert found.meta["agentrag/problem"]["code"] == "auth.forbidden"
