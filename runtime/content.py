"""A result or an error as MCP content: words for models and people, fields for programs, pictures as images."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

from fastmcp.tools.base import ToolResult
from mcp_types import ContentBlock, ImageContent, TextContent

from runtime import telemetry
from runtime.errors import AgentRAGError
from runtime.plain import plain
from schemas.message import Message
from schemas.picture import Picture


def tool_result(output: Message) -> ToolResult:
    """Structured content, the same in plain words, and pictures as image content instead of base64."""
    return ToolResult(content=blocks(output), structured_content=bare(output).model_dump(mode="json"))


def error_result(error: AgentRAGError) -> ToolResult:
    """An error as a model can read it, with the whole problem in `_meta`."""
    problem = error.problem(telemetry.trace_id()).model_dump(mode="json", exclude_none=True)
    return ToolResult(content=f"{error.title}: {error}", meta={"agentrag/problem": problem}, is_error=True)


def blocks(output: Message) -> list[ContentBlock]:
    """A message's own pictures, then its words, then the same for each part of it that has pictures."""
    values = [each for _, value in output for each in (value if isinstance(value, tuple) else (value,))]
    images: list[ContentBlock] = [_image(value) for value in values if isinstance(value, Picture)]
    parts = [value for value in values if isinstance(value, Message) and is_pictured(type(value))]
    words = TextContent(type="text", text=plain(bare(output)))
    return [*images, words, *(block for part in parts for block in blocks(part))]


def _image(picture: Picture) -> ImageContent:
    return ImageContent(type="image", data=picture.base64, mime_type=picture.media_type)


def bare(value: Any) -> Any:
    """A message without the bytes of its pictures."""
    match value:
        case Picture():
            return value.model_copy(update={"base64": ""})
        case Message() if is_pictured(type(value)):
            return value.model_copy(update={name: bare(part) for name, part in value})
        case tuple():
            return tuple(bare(part) for part in value)
        case _:
            return value


@cache
def is_pictured(kind: type[Message]) -> bool:
    """Whether messages of a kind can hold pictures, at any depth."""
    kinds = {found for field in kind.model_fields.values() for found in _kinds(field.annotation)}
    return any(issubclass(found, Picture) or (found is not kind and is_pictured(found)) for found in kinds)


def _kinds(annotation: Any) -> set[type[Message]]:
    """The messages that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return {annotation}
    return {found for part in get_args(annotation) for found in _kinds(part)}
