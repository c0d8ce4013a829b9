"""Messages: what they are, what headers they need, and how faults are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hosts.cli.mcp.message import Message, answer_line, error_line, header_value, one_line, routing_headers
from runtime.errors import AgentUnavailableError, InternalError, InvalidInputError, MalformedRequestError

MODERN = {"_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}}


def message(**fields: Any) -> Message:
    return Message.parse(json.dumps({"jsonrpc": "2.0", **fields}).encode())


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"id": 1, "method": "tools/list"}, "request"),
        ({"id": "a", "method": "tools/list", "params": {}}, "request"),
        ({"method": "notifications/initialized"}, "notification"),
        ({"id": 1, "result": {}}, "response"),
        ({"id": 1, "error": {"code": 1, "message": "no"}}, "response"),
    ],
)
def test_a_message_is_known_by_its_fields(fields: dict[str, Any], kind: str) -> None:
    assert message(**fields).kind == kind


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (b"hello", MalformedRequestError, "no JSON"),
        (b'{"id": 1', MalformedRequestError, "no JSON"),
        (b"\xff\xfe", MalformedRequestError, "no JSON"),
        (b"[]", InvalidInputError, "no batches"),
        (b'{"id": null, "method": "ping"}', InvalidInputError, "neither a string nor an integer"),
        (b'{"id": true, "method": "ping"}', InvalidInputError, "neither a string nor an integer"),
        (b'{"id": 1.5, "method": "ping"}', InvalidInputError, "neither a string nor an integer"),
        (b'{"result": {}}', InvalidInputError, "neither a string nor an integer"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Message.parse(line)


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"id": 1, "method": "tools/list", "params": {}}, {}),
        ({"id": 1, "method": "tools/list", "params": MODERN}, {"Mcp-Method": "tools/list"}),
        (
            {"id": 1, "method": "tools/call", "params": {"name": "ask", **MODERN}},
            {"Mcp-Method": "tools/call", "Mcp-Name": "ask"},
        ),
        (
            {"id": 1, "method": "resources/read", "params": {"uri": "page://d/1", **MODERN}},
            {"Mcp-Method": "resources/read", "Mcp-Name": "page://d/1"},
        ),
        (
            {"id": 1, "method": "prompts/get", "params": {"name": "größe", **MODERN}},
            {"Mcp-Method": "prompts/get", "Mcp-Name": "=?base64?Z3LDtsOfZQ==?="},
        ),
        ({"id": 1, "method": "tools/call", "params": {"name": 3, **MODERN}}, {"Mcp-Method": "tools/call"}),
        ({"id": 1, "method": "x", "params": {"_meta": {"io.modelcontextprotocol/protocolVersion": 3}}}, {}),
        ({"id": 1, "method": "x", "params": ["_meta"]}, {}),
    ],
)
def test_headers_repeat_what_a_message_of_a_current_revision_says(
    fields: dict[str, Any], headers: dict[str, str]
) -> None:
    expected = {"MCP-Protocol-Version": "2026-07-28", **headers} if headers else {}
    assert routing_headers(message(**fields)) == expected


@pytest.mark.parametrize("text", ["plain", "", " edge", "naïve", "=?base64?aGk=?=", "two\nlines", "in between"])
def test_header_values_are_read_by_the_protocol_as_they_were(text: str) -> None:
    from mcp.shared.inbound import decode_header_value, encode_header_value

    assert header_value(text) == encode_header_value(text) or text == ""
    assert decode_header_value(header_value(text)) == text


def test_an_answer_goes_on_as_it_is_but_for_line_ends_and_a_wrong_id() -> None:
    request = message(id=7, method="tools/list")
    assert answer_line(request, b'{\n "id": 7,\r\n "result": {"n": 1.0}\n}\n') == b'{  "id": 7,  "result": {"n": 1.0} }'
    assert json.loads(answer_line(request, b'{"id": null, "error": {"code": 1}}') or b"")["id"] == 7
    for other in (b"", b"<html>", b"[]", b'{"ok": true}', b'{"method": "ping", "id": 7}'):
        assert answer_line(request, other) is None
    assert one_line("a\nb") == b"a b"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MalformedRequestError("no"), -32700),
        (InvalidInputError("no"), -32600),
        (AgentUnavailableError("gone"), -32000),
        (InternalError("odd"), -32603),
    ],
)
def test_a_fault_is_told_with_its_problem(error: Any, code: int) -> None:
    told = json.loads(error_line("a", error))
    assert (told["id"], told["error"]["code"], told["error"]["message"]) == ("a", code, str(error))
    assert told["error"]["data"]["code"] == error.code
