"""Tools and a prompt that need something of the client before they can answer."""

from __future__ import annotations

from typing import Any

from fastmcp import Context, FastMCP
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
    SamplingMessage,
    TextContent,
)

Asked = str | InputRequiredResult


def _form(message: str, **fields: str) -> ElicitRequest:
    properties = {name: {"type": kind} for name, kind in fields.items()}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(words: str, tokens: int) -> CreateMessageRequest:
    said = SamplingMessage(role="user", content=TextContent(type="text", text=words))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[said], max_tokens=tokens))


NAME = {"user_name": _form("What is your name?", name="string")}
CAPITAL = {"capital_question": _sample("What is the capital of France?", 100)}
ROOTS = {"client_roots": ListRootsRequest()}
CONFIRM = {"confirm": _form("Please confirm", ok="boolean")}
EVERYTHING = {**NAME, "greeting": _sample("Generate a greeting", 50), **ROOTS}
FIRST = {"step1": _form("Step 1: What is your name?", name="string")}
SECOND = {"step2": _form("Step 2: What is your favorite color?", color="string")}
CONTEXT = {"user_context": _form("What context should the prompt use?", context="string")}


def _given(ctx: Context, requests: dict[str, Any]) -> list[Any] | None:
    """What the client answered to `requests`, in words; None unless it answered all of them."""
    answers = ctx.input_responses or {}
    found = [_words(answers.get(key)) for key in requests]
    return None if None in found else found


def _words(answer: Any) -> Any:
    match answer:
        case ElicitResult(action="accept", content=dict() as content):
            return next(iter(content.values()), None)
        case CreateMessageResult(content=TextContent(text=text)):
            return text
        case ListRootsResult(roots=roots):
            return [str(root.uri) for root in roots]
    return None


def _ask(requests: dict[str, Any], state: str | None = None) -> InputRequiredResult:
    return InputRequiredResult(input_requests=requests, request_state=state)


async def test_input_required_result_elicitation(ctx: Context) -> Asked:
    """Greet somebody by the name that they give."""
    given = _given(ctx, NAME)
    return f"Hello, {given[0]}!" if given else _ask(NAME)


async def test_input_required_result_sampling(ctx: Context) -> Asked:
    """Let the client's model answer."""
    given = _given(ctx, CAPITAL)
    return f"The model says: {given[0]}" if given else _ask(CAPITAL)


async def test_input_required_result_list_roots(ctx: Context) -> Asked:
    """Name the client's folders."""
    given = _given(ctx, ROOTS)
    return f"Folders: {', '.join(given[0])}" if given else _ask(ROOTS)


async def test_input_required_result_request_state(ctx: Context) -> Asked:
    """Ask for a confirmation and know it again by its state."""
    given = _given(ctx, CONFIRM)
    return "state-ok" if given and ctx.request_state == "asked" else _ask(CONFIRM, "asked")


async def test_input_required_result_tampered_state(ctx: Context) -> Asked:
    """The same with a state that somebody may forge."""
    return await test_input_required_result_request_state(ctx)


async def test_input_required_result_multiple_inputs(ctx: Context) -> Asked:
    """Ask for three things at once."""
    given = _given(ctx, EVERYTHING)
    return f"All three: {given}" if given and ctx.request_state == "asked" else _ask(EVERYTHING, "asked")


async def test_input_required_result_multi_round(ctx: Context) -> Asked:
    """Ask for one thing, then for another."""
    state = ctx.request_state or ""
    if state.startswith("name:") and (colour := _given(ctx, SECOND)):
        return f"{state.removeprefix('name:')} likes {colour[0]}"
    if state == "asked" and (name := _given(ctx, FIRST)):
        return _ask(SECOND, f"name:{name[0]}")
    return _ask(FIRST, "asked")


async def test_input_required_result_capabilities(ctx: Context) -> Asked:
    """Ask only for what the client can do."""
    able = _able(ctx)
    requests = {**(NAME if able.elicitation else {}), **(CAPITAL if able.sampling else {})}
    return _ask(requests) if requests and _given(ctx, requests) is None else "Nothing is missing."


async def test_streaming_elicitation(ctx: Context) -> Asked:
    """Report progress, then ask."""
    await ctx.report_progress(1, 2, "About to ask")
    return await test_input_required_result_elicitation(ctx)


async def test_missing_capability(ctx: Context) -> str:
    """Refuse clients without a model."""
    if _able(ctx).sampling is None:
        needs = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool needs the client's model", needs)
    return "The client has a model."


def _able(ctx: Context) -> ClientCapabilities:
    return ctx.session.client_capabilities or ClientCapabilities()


async def _prompt(ctx: Context) -> Asked:
    """A prompt about what the user names."""
    given = _given(ctx, CONTEXT)
    return f"Speak about {given[0]}." if given else _ask(CONTEXT)


def _titled(*titles: str) -> list[dict[str, str]]:
    return [{"const": f"value{number}", "title": title} for number, title in enumerate(titles, 1)]


USER = {
    "type": "object",
    "properties": {
        "username": {"type": "string", "description": "User's response"},
        "email": {"type": "string", "description": "User's email address"},
    },
    "required": ["username", "email"],
}
DEFAULTS = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
}
OPTIONS = ["option1", "option2", "option3"]
ENUMS = {
    "type": "object",
    "properties": {
        "untitledSingle": {"type": "string", "enum": OPTIONS},
        "titledSingle": {"type": "string", "oneOf": _titled("First Option", "Second Option", "Third Option")},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": OPTIONS}},
        "titledMulti": {
            "type": "array",
            "items": {"anyOf": _titled("First Choice", "Second Choice", "Third Choice")},
        },
    },
}


async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user on the way, as older revisions do."""
    answer = await ctx.session.elicit(message, USER)
    return f"User response: {answer.model_dump_json()}"


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask the user on the way, with defaults of each type."""
    answer = await ctx.session.elicit("Please check these", DEFAULTS)
    return f"Elicitation completed: {answer.model_dump_json()}"


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask the user on the way, with choices of each kind."""
    answer = await ctx.session.elicit("Please choose", ENUMS)
    return f"Elicitation completed: {answer.model_dump_json()}"


async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model on the way, as older revisions do."""
    said = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message([said], max_tokens=100)
    return f"LLM response: {answer.model_dump_json()}"


def add(mcp: FastMCP[Any]) -> None:
    """Add everything to a server."""
    for function in (
        test_input_required_result_elicitation,
        test_input_required_result_sampling,
        test_input_required_result_list_roots,
        test_input_required_result_request_state,
        test_input_required_result_tampered_state,
        test_input_required_result_multiple_inputs,
        test_input_required_result_multi_round,
        test_input_required_result_capabilities,
        test_streaming_elicitation,
        test_missing_capability,
        test_elicitation,
        test_elicitation_sep1034_defaults,
        test_elicitation_sep1330_enums,
        test_sampling,
    ):
        mcp.tool(function)
    mcp.prompt(_prompt, name="test_input_required_result_prompt")
