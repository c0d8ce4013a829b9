"""What the suites read from a fixture server: tools, resources and prompts with one kind of content each."""

from __future__ import annotations

import asyncio
import base64
import io
import wave
from collections.abc import Callable
from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message as PromptMessage
from fastmcp.resources import ResourceContent, ResourceResult
from fastmcp.tools.base import Tool, ToolResult
from mcp_types import AudioContent, EmbeddedResource, ImageContent, TextContent
from mcp_types import TextResourceContents as TextContents
from PIL import Image
from pydantic import Field

STEP_SECONDS = 0.05
RED = Image.new("RGB", (1, 1), "red")


def _png() -> bytes:
    file = io.BytesIO()
    RED.save(file, "PNG")
    return file.getvalue()


def _wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8)
    return file.getvalue()


PNG, WAV = _png(), _wav()
PICTURE = ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")


def _text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def _embedded(uri: str, media_type: str, words: str) -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextContents(uri=uri, mime_type=media_type, text=words))


EMBEDDED = _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
JSON_EMBEDDED = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
FIXED: dict[str, list[Any]] = {
    "test_simple_text": [_text("This is a simple text response for testing.")],
    "test_image_content": [PICTURE],
    "test_audio_content": [AudioContent(type="audio", data=base64.b64encode(WAV).decode(), mime_type="audio/wav")],
    "test_embedded_resource": [EMBEDDED],
    "test_multiple_content_types": [_text("Multiple content types test:"), PICTURE, JSON_EMBEDDED],
    "test_trigger_tool_change": [_text("The tools of this server never change.")],
    "test_trigger_prompt_change": [_text("The prompts of this server never change.")],
}
"""Tools that take nothing and always return the same."""


class FixedTool(Tool):
    """A tool that always returns the same content."""

    contents: list[Any]

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        return ToolResult(content=self.contents)


SCHEMA_2020_12 = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


async def test_error_handling() -> str:
    """Always fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def test_tool_with_progress(ctx: Context) -> str:
    """Report progress in three steps."""
    for done in (0, 50, 100):
        await ctx.report_progress(done, 100, f"{done} of 100")
        await asyncio.sleep(STEP_SECONDS)
    return "The steps are done."


async def test_tool_with_logging(ctx: Context) -> str:
    """Send three log messages."""
    for words in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(words)
        await asyncio.sleep(STEP_SECONDS)
    return "The log messages are sent."


async def test_logging_tool(ctx: Context) -> str:
    """Log something, which only those hear who asked for it."""
    await ctx.info("Nobody asked for this.")
    return "Logged."


async def test_mirrored_header(
    region: Annotated[str, Field(description="A region.", json_schema_extra={"x-mcp-header": "Region"})],
) -> str:
    """Take an argument that clients mirror into the header `Mcp-Param-Region`."""
    return region


TOOLS = (test_error_handling, test_tool_with_progress, test_tool_with_logging, test_logging_tool, test_mirrored_header)


def _read_words() -> ResourceResult:
    """Fixed words."""
    return _read("This is the content of the static text resource.", "text/plain")


def _read_picture() -> ResourceResult:
    """A fixed picture."""
    return _read(PNG, "image/png")


def _read_template(id: str) -> ResourceResult:
    """Data of an id."""
    return _read(f'{{"id":"{id}","templateTest":true,"data":"Data for ID: {id}"}}', "application/json")


def _read(content: str | bytes, media_type: str) -> ResourceResult:
    return ResourceResult([ResourceContent(content, mime_type=media_type)])


RESOURCES: dict[str, Callable[..., ResourceResult]] = {
    "test://static-text": _read_words,
    "test://static-binary": _read_picture,
    "test://template/{id}/data": _read_template,
}


def _simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


def _prompt_with_arguments(
    arg1: Annotated[str, Field(description="First argument.")],
    arg2: Annotated[str, Field(description="Second argument.")],
) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


def _prompt_with_resource(
    resourceUri: Annotated[str, Field(description="URI of the resource.")],
) -> list[PromptMessage]:
    """A prompt with a resource in it."""
    embedded = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [PromptMessage(embedded), PromptMessage("Please process the embedded resource above.")]


def _prompt_with_image() -> list[PromptMessage]:
    """A prompt with a picture in it."""
    return [PromptMessage(PICTURE), PromptMessage("Please analyze the image above.")]


PROMPTS: dict[str, Callable[..., Any]] = {
    "test_simple_prompt": _simple_prompt,
    "test_prompt_with_arguments": _prompt_with_arguments,
    "test_prompt_with_embedded_resource": _prompt_with_resource,
    "test_prompt_with_image": _prompt_with_image,
}


def _complete(ref: Any, argument: Any, context: Any) -> list[str]:
    return [word for word in ("paris", "park", "party") if word.startswith(argument.value)]


def add(mcp: FastMCP[Any]) -> None:
    """Add everything to a server."""
    nothing: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}
    for name, contents in FIXED.items():
        mcp.add_tool(FixedTool(name=name, description=f"Fixture {name}.", parameters=nothing, contents=contents))
    mcp.add_tool(
        FixedTool(
            name="json_schema_2020_12_tool",
            description="Tool with JSON Schema 2020-12 features",
            parameters=SCHEMA_2020_12,
            contents=[_text("The schema is what counts.")],
        )
    )
    for function in TOOLS:
        mcp.tool(function)
    for uri, read in RESOURCES.items():
        mcp.resource(uri, name=uri.split("/")[2], mime_type="text/plain")(read)
    for name, prompt in PROMPTS.items():
        mcp.prompt(prompt, name=name)
    mcp.completion(_complete)
