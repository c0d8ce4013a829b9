"""One MCP endpoint for what all agents offer: named after them, passed on live, one request at the agent for each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastmcp import Client
from mcp import MCPError
from mcp_types import Icon, ToolAnnotations

from runtime.passed import public_meta, public_uri
from runtime.settings import Settings
from tests.federating import ToyFederation
from tests.toy import VIEW, Toy

ERAS = pytest.mark.parametrize("era", ["2026-07-28", "legacy"])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path)


@pytest.fixture
def federation(settings: Settings) -> ToyFederation:
    return ToyFederation(settings)


# names and URIs


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("page://{doc_id}/{page}", "page://citation/{doc_id}/{page}"),
        ("ui://citation/view.html", "ui://citation/view.html"),
        ("ui://citations/view.html", "ui://citation/citations/view.html"),
        ("urn:a:b", "urn:a:b"),
    ],
)
def test_the_first_part_of_a_uri_names_the_agent_once(uri: str, public: str) -> None:
    assert public_uri("citation", uri) == public


def test_a_view_is_named_by_the_uri_under_which_the_federation_serves_it() -> None:
    meta = {"ui": {"resourceUri": "ui://view.html", "visibility": ["app"]}, "other": 1}
    assert public_meta("toy", meta) == {
        "ui": {"resourceUri": "ui://toy/view.html", "visibility": ["app"]},
        "other": 1,
    }
    assert public_meta("toy", {"ui": {}}) == {"ui": {}}
    assert public_meta("toy", None) is None


# what is listed


@ERAS
async def test_every_tool_is_listed_with_all_that_its_agent_says_of_it(federation: ToyFederation, era: str) -> None:
    toy = Toy(federation.settings)

    @toy.agent.mcp.tool(
        meta={"ui": {"resourceUri": "ui://picture.html"}, "own": "kept"},
        icons=[Icon(src="data:image/png;base64,AA==")],
        annotations=ToolAnnotations(title="Paint", destructive_hint=True),
    )
    def paint(colour: str) -> dict[str, str]:
        """Paint it."""
        return {"colour": colour}

    @toy.agent.mcp.resource("ui://picture.html", mime_type="text/html;profile=mcp-app", meta={"ui": {"csp": {}}})
    def picture() -> str:
        return "<p>picture</p>"

    async with federation.running(toy), Client(federation.url, mode=era) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        async with Client(toy.agent.mcp) as direct:
            own = {tool.name: tool for tool in await direct.list_tools()}
        shown = await client.read_resource(tools["toy_paint"].meta["ui"]["resourceUri"])
        resources = await client.list_resources()
    assert set(tools) == {f"toy_{name}" for name in own}
    for name, tool in own.items():
        passed = tools[f"toy_{name}"]
        for part in ("title", "description", "input_schema", "output_schema", "annotations", "icons"):
            assert getattr(passed, part) == getattr(tool, part), part
    assert tools["toy_paint"].meta["own"] == "kept"
    assert [str(resource.uri) for resource in resources] == [VIEW, "ui://toy/picture.html"]
    assert resources[1].mime_type == "text/html;profile=mcp-app"
    assert resources[1].meta["ui"] == {"csp": {}}
    assert tools["toy_say"].meta["ui"]["resourceUri"] == VIEW
    assert shown[0].text == "<p>picture</p>"
    assert shown[0].mime_type == "text/html;profile=mcp-app"


@ERAS
async def test_resources_and_prompts_pass_through(federation: ToyFederation, era: str) -> None:
    async with federation.running(), Client(federation.url, mode=era) as client:
        templates = [template.uri_template for template in await client.list_resource_templates()]
        thing = await client.read_resource("thing://toy/hammer")
        prompts = await client.list_prompts()
        rendered = await client.get_prompt(
            prompts[0].name, {argument.name: "words" for argument in prompts[0].arguments or ()}
        )
        with pytest.raises(MCPError, match="other://toy/hammer"):
            await client.read_resource("other://toy/hammer")
    assert templates == ["thing://toy/{name}"]
    assert json.loads(thing[0].text)["text"] == "hammer"
    assert [prompt.name for prompt in prompts] == ["toy_phr-002-synthesis"]
    assert "words" in rendered.messages[0].content.text


# what a call costs and gives


@ERAS
async def test_a_call_is_one_request_at_its_agent_and_a_listing_none(federation: ToyFederation, era: str) -> None:
    async with federation.running() as (_, methods), Client(federation.url, mode=era) as client:
        await client.list_tools()
        assert methods == []
        for number in range(1, 4):
            found = await client.call_tool("toy_say", {"query": "hello", "times": number})
            assert found.structured_content["text"] == " ".join(["hello"] * number)
        assert methods == ["tools/call"] * 3


@ERAS
async def test_errors_progress_and_pictures_come_back_as_the_agent_gave_them(
    federation: ToyFederation, era: str
) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        heard.append((done, total, message))

    async with federation.running(), Client(federation.url, mode=era) as client:
        missed = await client.call_tool("toy_miss", {"query": "it"}, raise_on_error=False)
        invalid = await client.call_tool("toy_say", {"query": "", "times": 0}, raise_on_error=False)
        drawn = await client.call_tool("toy_draw", {"query": "it"})
        await client.call_tool("toy_work", {"query": "x", "times": 3}, progress_handler=hear)
    assert missed.is_error
    assert missed.meta["agentrag/problem"]["code"] == "not_found"
    assert "/times" in invalid.content[0].text
    assert [block.type for block in drawn.content] == ["image", "text"]
    assert heard == [(1, 3, "step 1/3"), (2, 3, "step 2/3"), (3, 3, "step 3/3")]
