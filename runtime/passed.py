"""Tools, resources and prompts of other agents: named after their agent, passed on to it whenever they are used."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from fastmcp.exceptions import NotFoundError, PromptError, ResourceError, ToolError
from fastmcp.prompts.base import Message, Prompt, PromptArgument, PromptResult
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.resources.base import ResourceContent, ResourceResult
from fastmcp.server.dependencies import get_context
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.utilities.components import FastMCPComponent
from mcp import MCPError
from mcp.shared.inbound import mcp_param_headers, x_mcp_header_map
from mcp_types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    ReadResourceResult,
    ResourceLink,
    TextResourceContents,
)
from pydantic import PrivateAttr

from runtime.caller import LOCAL_TENANT, Caller
from runtime.content import error_result
from runtime.errors import AgentRAGError
from runtime.relay import Relay
from runtime.tools import caller_at_hand, told_trace
from runtime.wire import Response

C = TypeVar("C", bound=FastMCPComponent)

LISTER = Caller(LOCAL_TENANT, "federation", "system", frozenset())
"""On whose behalf lists are read: they are the same for everyone, so it needs no rights."""
LIST_SECONDS = 10.0
LIST_PAGES = 100
UNAVAILABLE = "agentrag/unavailable"
"""Key in `_meta` of what an agent offers that is down; says why."""


def public_name(agent: str, name: str) -> str:
    """The name in the federation of an agent's tool or prompt."""
    return f"{agent}_{name}"


def public_uri(agent: str, uri: str) -> str:
    """The URI in the federation of an agent's resource: its first part names the agent, unless it does so already."""
    scheme, mark, rest = uri.partition("://")
    if not mark or rest.partition("/")[0] == agent:
        return uri
    return f"{scheme}://{agent}/{rest}"


def public_meta(agent: str, meta: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A tool's `_meta` with the view it names (MCP Apps) under that view's URI in the federation."""
    view = (meta or {}).get("ui")
    if meta is None or not isinstance(view, dict) or not isinstance(view.get("resourceUri"), str):
        return None if meta is None else dict(meta)
    return {**meta, "ui": {**view, "resourceUri": public_uri(agent, view["resourceUri"])}}


def marked(component: C, why: str) -> C:
    """What an agent offers, with a word before its description when the agent is away."""
    if not why:
        return component
    description = f"(unavailable: {why}) {component.description or ''}".rstrip()
    return component.model_copy(
        update={"description": description, "meta": {**(component.meta or {}), UNAVAILABLE: why}}
    )


@dataclass(frozen=True)
class Passage:
    """The way to one agent, for whoever is calling."""

    agent: str
    relay: Relay
    auth: str

    async def send(
        self, method: str, params: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The agent's answer to a request like the one at hand: its caller, its `_meta`, its progress."""
        context = get_context()
        meta = (context.request_context.meta if context.request_context else None) or {}
        hear = context.report_progress if "progressToken" in meta else None
        with told_trace():
            caller = caller_at_hand(self.auth)
            return await self.relay.send(self.agent, method, params, caller, meta=meta, headers=headers, hear=hear)

    def exchange(
        self, method: str, params: Mapping[str, Any], caller: Caller, *, number: int | str, meta: Mapping[str, Any]
    ) -> AbstractAsyncContextManager[Response]:
        """The agent's response to a request of `caller`, while it comes."""
        return self.relay.exchange(self.agent, method, params, caller, number=number, meta=meta)

    async def pages(self, method: str, kind: type[Any], items: str) -> list[Any]:
        """Everything of one list of the agent. An agent without such things has none."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        for _ in range(LIST_PAGES):
            page = kind.model_validate(
                await self.relay.send(self.agent, method, cursor, LISTER.within(LIST_SECONDS)), by_name=False
            )
            found += getattr(page, items)
            if page.next_cursor is None:
                break
            cursor = {"cursor": page.next_cursor}
        return found


class PassedTool(Tool):
    """A tool of an agent, called there."""

    _passage: Passage = PrivateAttr()
    _agents_name: str = PrivateAttr()
    _headers: dict[tuple[str, ...], str] = PrivateAttr()

    @classmethod
    def of(cls, tool: Any, passage: Passage) -> PassedTool:
        """The tool in the federation for a tool as the agent lists it."""
        passed = cls(
            name=public_name(passage.agent, tool.name),
            title=tool.title,
            description=tool.description,
            parameters=tool.input_schema,
            output_schema=tool.output_schema,
            annotations=tool.annotations,
            icons=tool.icons,
            meta=public_meta(passage.agent, tool.meta),
        )
        passed._passage, passed._agents_name = passage, tool.name
        passed._headers = x_mcp_header_map(tool.input_schema)
        return passed

    @property
    def agent(self) -> str:
        """Whose tool it is."""
        return self._passage.agent

    @property
    def is_mirrored(self) -> bool:
        """Whether arguments travel in headers, too."""
        return bool(self._headers)

    def exchange(
        self, number: int | str, arguments: Mapping[str, Any], meta: Mapping[str, Any], caller: Caller
    ) -> AbstractAsyncContextManager[Response]:
        """The agent's response to a call, while it comes."""
        params = {"name": self._agents_name, "arguments": arguments}
        return self._passage.exchange("tools/call", params, caller, number=number, meta=meta)

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Call the agent's tool; its result comes back as it is."""
        headers = mcp_param_headers(self._headers, arguments) if self._headers else None
        try:
            answer = await self._passage.send(
                "tools/call", {"name": self._agents_name, "arguments": arguments}, headers
            )
        except AgentRAGError as error:
            return error_result(error)
        except MCPError as error:
            raise ToolError(error.error.message) from error
        result = CallToolResult.model_validate(answer, by_name=False)
        for block in result.content:
            if isinstance(block, ResourceLink):
                block.uri = public_uri(self._passage.agent, str(block.uri))
        return ToolResult.from_mcp_result(result)


class PassedResource(Resource):
    """A resource of an agent, read there."""

    _passage: Passage = PrivateAttr()
    _agents_uri: str = PrivateAttr()

    @classmethod
    def of(cls, resource: Any, passage: Passage) -> PassedResource:
        """The resource in the federation for one as the agent lists it."""
        return cls.at(public_uri(passage.agent, str(resource.uri)), str(resource.uri), passage, resource)

    @classmethod
    def at(cls, uri: str, agents_uri: str, passage: Passage, like: Any) -> PassedResource:
        """The resource at `uri`, which the agent knows as `agents_uri`, described as `like`."""
        passed = cls(
            uri=uri,
            name=like.name,
            title=like.title,
            description=like.description,
            mime_type=like.mime_type or "text/plain",
            icons=like.icons,
            annotations=like.annotations,
            meta=dict(like.meta) if like.meta else None,
        )
        passed._passage, passed._agents_uri = passage, agents_uri
        return passed

    async def read(self) -> ResourceResult:
        """Read it at the agent."""
        try:
            answer = await self._passage.send("resources/read", {"uri": self._agents_uri})
        except AgentRAGError as error:
            raise ResourceError(f"{error.title}: {error}") from error
        except MCPError as error:
            if error.error.code == INVALID_PARAMS:
                raise NotFoundError(f"Unknown resource: {self.uri}") from error
            raise ResourceError(error.error.message) from error
        result = ReadResourceResult.model_validate(answer, by_name=False)
        return ResourceResult([_content(part) for part in result.contents], meta=result.meta or None)


def _content(part: Any) -> ResourceContent:
    content = part.text if isinstance(part, TextResourceContents) else base64.b64decode(part.blob)
    return ResourceContent(content, mime_type=part.mime_type, meta=part.meta)


class PassedTemplate(ResourceTemplate):
    """A kind of resources of an agent."""

    _passage: Passage = PrivateAttr()
    _agents_template: str = PrivateAttr()

    @classmethod
    def of(cls, template: Any, passage: Passage) -> PassedTemplate:
        """The template in the federation for one as the agent lists it."""
        passed = cls(
            uri_template=public_uri(passage.agent, template.uri_template),
            name=template.name,
            title=template.title,
            description=template.description,
            mime_type=template.mime_type or "text/plain",
            icons=template.icons,
            annotations=template.annotations,
            parameters={},
            meta=dict(template.meta) if template.meta else None,
        )
        passed._passage, passed._agents_template = passage, template.uri_template
        return passed

    def resource(self, uri: str) -> PassedResource:
        """The resource at a URI that this template matches."""
        renamed = self.uri_template != self._agents_template
        agents_uri = uri.replace(f"://{self._passage.agent}/", "://", 1) if renamed else uri
        return PassedResource.at(uri, agents_uri, self._passage, self)


class PassedPrompt(Prompt):
    """A prompt of an agent, rendered there."""

    _passage: Passage = PrivateAttr()
    _agents_name: str = PrivateAttr()

    @classmethod
    def of(cls, prompt: Any, passage: Passage) -> PassedPrompt:
        """The prompt in the federation for one as the agent lists it."""
        arguments = [
            PromptArgument(name=given.name, description=given.description, required=given.required or False)
            for given in prompt.arguments or ()
        ]
        passed = cls(
            name=public_name(passage.agent, prompt.name),
            title=prompt.title,
            description=prompt.description,
            arguments=arguments,
            icons=prompt.icons,
            meta=dict(prompt.meta) if prompt.meta else None,
        )
        passed._passage, passed._agents_name = passage, prompt.name
        return passed

    async def render(self, arguments: dict[str, Any] | None = None) -> PromptResult:
        """Render it at the agent."""
        try:
            answer = await self._passage.send("prompts/get", {"name": self._agents_name, "arguments": arguments or {}})
        except AgentRAGError as error:
            raise PromptError(f"{error.title}: {error}") from error
        except MCPError as error:
            raise PromptError(error.error.message) from error
        result = GetPromptResult.model_validate(answer, by_name=False)
        messages = [Message(message.content, message.role) for message in result.messages]
        return PromptResult(messages, description=result.description, meta=result.meta or None)
