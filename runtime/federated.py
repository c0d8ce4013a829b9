"""The federation behind one MCP endpoint: what every agent offers, under names that tell the agent, passed on live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from fastmcp.prompts.base import Prompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.providers import Provider
from fastmcp.tools.base import Tool
from fastmcp.utilities.versions import VersionSpec
from mcp import MCPError
from mcp_types import ListPromptsResult, ListResourcesResult, ListResourceTemplatesResult, ListToolsResult

from runtime.errors import AgentRAGError
from runtime.passed import C, Passage, PassedPrompt, PassedResource, PassedTemplate, PassedTool, marked
from runtime.relay import Relay

log = structlog.get_logger()


@dataclass
class Offer:
    """What one agent offers, as of its card with `etag`; `away` says why it cannot be had at the moment."""

    etag: str = ""
    away: str = ""
    tools: dict[str, PassedTool] = field(default_factory=dict)
    resources: dict[str, PassedResource] = field(default_factory=dict)
    templates: list[PassedTemplate] = field(default_factory=list)
    prompts: dict[str, PassedPrompt] = field(default_factory=dict)

    async def read(self, passage: Passage) -> None:
        """Read the agent's lists anew. Raises AgentRAGError or MCPError, and nothing has changed then."""
        tools = await passage.pages("tools/list", ListToolsResult, "tools")
        resources = await passage.pages("resources/list", ListResourcesResult, "resources")
        templates = await passage.pages("resources/templates/list", ListResourceTemplatesResult, "resource_templates")
        prompts = await passage.pages("prompts/list", ListPromptsResult, "prompts")
        self.tools = {made.name: made for made in (PassedTool.of(tool, passage) for tool in tools)}
        self.resources = {str(made.uri): made for made in (PassedResource.of(found, passage) for found in resources)}
        self.templates = [PassedTemplate.of(template, passage) for template in templates]
        self.prompts = {made.name: made for made in (PassedPrompt.of(prompt, passage) for prompt in prompts)}


class Federated(Provider):
    """Tools, resources and prompts of all agents: lists as they were last read, calls always live."""

    def __init__(self, relay: Relay, auth: str) -> None:
        super().__init__()
        self._relay = relay
        self._auth = auth
        self._offers: dict[str, Offer] = {}

    async def heed(self, agent: str, etag: str, is_up: bool) -> bool:
        """Take note of how an agent is; its lists are read when its card is new or it has come back.

        False when they could not be read, and the agent should be looked at again soon.
        """
        offer = self._offers.setdefault(agent, Offer())
        if not is_up:
            offer.etag, offer.away = "", f"the agent {agent} is down"
            return True
        if etag and etag == offer.etag:
            return True
        try:
            await offer.read(Passage(agent, self._relay, self._auth))
        except (AgentRAGError, MCPError, ValueError) as error:
            log.warning("offer.unread", agent=agent, reason=str(error))
            return False
        offer.etag, offer.away = etag, ""
        log.info("offer.read", agent=agent, tools=len(offer.tools), prompts=len(offer.prompts))
        return True

    def tool(self, name: str) -> PassedTool | None:
        """A tool by its name in the federation, or None for one that no agent offers."""
        return next((offer.tools[name] for offer in self._offers.values() if name in offer.tools), None)

    def _all(self, part: Callable[[Offer], Iterable[C]]) -> list[C]:
        return [marked(made, offer.away) for _, offer in sorted(self._offers.items()) for made in part(offer)]

    async def _list_tools(self) -> Sequence[Tool]:
        return self._all(lambda offer: offer.tools.values())

    async def _get_tool(self, name: str, version: VersionSpec | None = None) -> Tool | None:
        return self.tool(name)

    async def _list_resources(self) -> Sequence[Resource]:
        return self._all(lambda offer: offer.resources.values())

    async def _get_resource(self, uri: str, version: VersionSpec | None = None) -> Resource | None:
        for offer in self._offers.values():
            if uri in offer.resources:
                return offer.resources[uri]
        for offer in self._offers.values():
            for template in offer.templates:
                if template.matches(uri) is not None:
                    return template.resource(uri)
        return None

    async def _list_resource_templates(self) -> Sequence[ResourceTemplate]:
        return self._all(lambda offer: offer.templates)

    async def _list_prompts(self) -> Sequence[Prompt]:
        return self._all(lambda offer: offer.prompts.values())

    async def _get_prompt(self, name: str, version: VersionSpec | None = None) -> Prompt | None:
        return next((offer.prompts[name] for offer in self._offers.values() if name in offer.prompts), None)
