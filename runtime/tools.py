"""The MCP face: each bound skill as a tool, resources as templates, PHR texts as prompts."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastmcp import FastMCP
from fastmcp.apps import UI_MIME_TYPE
from fastmcp.exceptions import ResourceError
from fastmcp.prompts import Prompt as McpPrompt
from fastmcp.resources import Resource, ResourceTemplate
from fastmcp.server.dependencies import get_context, get_http_request
from fastmcp.tools.base import Tool, ToolResult
from mcp.shared.inbound import x_mcp_header_map
from mcp_types import ToolAnnotations
from pydantic import PrivateAttr

import prompts
from runtime import telemetry
from runtime.call import BoundResource, BoundSkill, BoundView, Call, Stop
from runtime.caller import Caller, become
from runtime.content import error_result, tool_result
from runtime.errors import AgentRAGError, UnauthenticatedError
from schemas.skills import Progress, Token

if TYPE_CHECKING:
    from runtime.agent import AgentServer
    from runtime.federated import Federated

SPARSE_SECONDS = 0.5
"""Least time between two progress notes about streamed text."""
NUDGE = 0.001
"""Least growth from one progress note to the next."""


def caller_at_hand(auth: str) -> Caller:
    """The caller that the door made, within the trace at hand; over stdio and in process the local owner."""
    try:
        request = get_http_request()
    except RuntimeError:
        if auth != "local":
            raise UnauthenticatedError("stdio serves the local owner only; set auth to `local`") from None
        return Caller.owner(telemetry.trace_id())
    caller = request.scope.get("caller")
    if not isinstance(caller, Caller):
        raise UnauthenticatedError("the request came past the door; call through /mcp")
    return replace(caller, trace=telemetry.trace_id())


def told_trace() -> AbstractContextManager[None]:
    """The trace that the request at hand names in its `_meta`; over stdio the framework has taken it up."""
    try:
        headers = get_http_request().headers
    except RuntimeError:
        return nullcontext()
    request = get_context().request_context
    return telemetry.told(headers, (request and request.meta) or {})


class SkillTool(Tool):
    """One skill as an MCP tool."""

    _bound: BoundSkill = PrivateAttr()
    _agent: AgentServer = PrivateAttr()

    @classmethod
    def of(cls, bound: BoundSkill, agent: AgentServer) -> SkillTool:
        """The tool that calls `bound` through the agent's wrapper; results are shown by the skill's view."""
        return cls._made(bound, agent, bound.spec.id, {"resourceUri": bound.spec.view} if bound.spec.view else None)

    @classmethod
    def for_view(cls, name: str, bound: BoundSkill, view: BoundView, agent: AgentServer) -> SkillTool:
        """The same for a view alone: clients hide it from models. That is no guard; scopes are checked as ever."""
        return cls._made(bound, agent, name, {"resourceUri": view.uri, "visibility": ["app"]})

    @classmethod
    def _made(cls, bound: BoundSkill, agent: AgentServer, name: str, ui: dict[str, Any] | None) -> SkillTool:
        spec = bound.spec
        tool = cls(
            name=name,
            meta={"ui": ui} if ui else None,
            description=bound.description,
            parameters=spec.input.model_json_schema(),
            output_schema=spec.output.model_json_schema(mode="serialization"),
            annotations=ToolAnnotations(
                read_only_hint=spec.effect == "read",
                destructive_hint=spec.effect == "destroy",
                idempotent_hint=True,
                open_world_hint=False,
            ),
        )
        tool._bound, tool._agent = bound, agent
        return tool

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Call the skill; progress goes out as notifications, tokens as a count of characters."""
        with told_trace():
            try:
                caller = caller_at_hand(self._agent.settings.auth)
                output = await self._agent.invoker.invoke(
                    self._bound, arguments, caller, emit=_Notes(), stop=Stop("left")
                )
            except AgentRAGError as error:
                return error_result(error)
        return tool_result(output)


class _Notes:
    """Tells an MCP client what comes before the result; MCP has no partial output, so text is told by its length.

    Progress grows with every note: text between two steps counts as a fraction of a step, and so little that it never
    reaches the next one is added where a step is told of twice.
    """

    def __init__(self) -> None:
        self._chars = 0
        self._done = -NUDGE
        self._total: float | None = None
        self._last = float("-inf")

    async def __call__(self, item: Token | Progress) -> None:
        if isinstance(item, Progress):
            self._total = item.total
            await self._tell(item.done, item.message)
            return
        self._chars += len(item.content)
        if time.monotonic() - self._last >= SPARSE_SECONDS:
            self._last = time.monotonic()
            part = self._chars / (self._chars + 1000)
            await self._tell(int(self._done) + part, f"Writing the answer: {self._chars} characters")

    async def _tell(self, done: float, message: str) -> None:
        self._done = max(done, self._done + NUDGE)
        await get_context().report_progress(self._done, self._total, message)


def _template(bound: BoundResource, agent: AgentServer) -> ResourceTemplate:
    parameters = [
        parameter.replace(annotation=str)
        for name, parameter in inspect.signature(bound.function).parameters.items()
        if name != "call"
    ]

    async def read(**parts: str) -> str:
        with told_trace():
            try:
                caller = caller_at_hand(agent.settings.auth)
                caller.require(bound.scopes)
                become(caller)
                found = await bound.function(Call(caller, agent.on, settings=agent.settings), **parts)
            except AgentRAGError as error:
                raise ResourceError(f"{error.title}: {error}") from error
        return found.model_dump_json()

    read.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    read.__annotations__ = {parameter.name: str for parameter in parameters} | {"return": str}
    name = bound.uri.partition(":")[0]
    description = inspect.getdoc(bound.function)
    return ResourceTemplate.from_function(
        read, bound.uri, name=name, description=description, mime_type="application/json"
    )


ENCLOSED: dict[str, Any] = {"csp": {"connectDomains": [], "resourceDomains": []}, "prefersBorder": True}
"""What a view asks of the client that shows it: no other origin at all, and a frame."""


def _view(bound: BoundView) -> Resource:
    return Resource.from_function(
        bound.function,
        bound.uri,
        name=bound.function.__name__,
        description=bound.description,
        mime_type=UI_MIME_TYPE,
        meta={"ui": ENCLOSED},
    )


def _prompt(prompt_id: str) -> McpPrompt:
    prompt = prompts.load(prompt_id)
    blanks = list(prompt.placeholders)

    def render(**values: str) -> str:
        return prompt.render(**values)

    parameters = [inspect.Parameter(blank, inspect.Parameter.KEYWORD_ONLY, annotation=str) for blank in blanks]
    render.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    render.__annotations__ = dict.fromkeys(blanks, str) | {"return": str}
    return McpPrompt.from_function(render, name=prompt_id, description=f"{prompt.id}, version {prompt.version}")


def _tools(agent: AgentServer) -> list[SkillTool]:
    """Every skill as a tool, then those that are there for views alone."""
    own = [SkillTool.of(bound, agent) for bound in agent.skills.bound.values()]
    alone = [
        SkillTool.for_view(name, bound, view, agent)
        for view in agent.skills.views
        for name, bound in view.calls.items()
    ]
    return own + alone


def build(agent: AgentServer, lifespan: Callable[..., Any]) -> FastMCP[Any]:
    """The FastMCP server of an agent, to which further tools, resources and prompts may be added.

    The protocol layer looks input schemas up here, so that checking mirrored headers costs no tool listing per call.
    """
    mcp: FastMCP[Any] = FastMCP(
        agent.name,
        instructions=agent.description,
        version=agent.version,
        lifespan=lifespan,
        mask_error_details=True,
        dereference_schemas=False,
        cache_ttl=60_000,
        cache_scope="private",
    )
    for tool in _tools(agent):
        mcp.add_tool(tool)
    for view in agent.skills.views:
        mcp.add_resource(_view(view))
    for resource in agent.skills.resources:
        mcp.add_template(_template(resource, agent))
    for prompt_id in agent.prompts:
        mcp.add_prompt(_prompt(prompt_id))
    if agent.federated is not None:
        mcp.add_provider(agent.federated)
    mcp._mcp_server.get_tool_input_schema = _Mirrored(mcp, agent.federated)
    return mcp


class _Mirrored:
    """Input schemas of the tools whose arguments travel in headers, too; the others have nothing to check.

    A schema is searched for such arguments once, for that takes longer than many a call.
    """

    def __init__(self, mcp: FastMCP[Any], federated: Federated | None) -> None:
        self._mcp = mcp
        self._federated = federated
        self._known: dict[str, tuple[Tool, dict[str, Any] | None]] = {}

    def __call__(self, name: str) -> dict[str, Any] | None:
        """The schema of a tool by its name."""
        tool = self._mcp.local_provider._get_component(f"{Tool.make_key(name)}@")
        if not isinstance(tool, Tool):
            tool = None if self._federated is None else self._federated.tool(name)
        if tool is None:
            return None
        searched, schema = self._known.get(name, (None, None))
        if searched is not tool:
            schema = tool.parameters if x_mcp_header_map(tool.parameters) else None
            self._known[name] = (tool, schema)
        return schema
