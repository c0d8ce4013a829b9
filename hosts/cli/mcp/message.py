"""MCP messages as a relay sees them: one JSON-RPC object a line, carried on byte for byte."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from runtime.errors import AgentRAGError, InvalidInputError, MalformedRequestError

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR, CONNECTION_LOST = -32700, -32600, -32603, -32000
"""Codes of errors that the relay itself gives. Source: JSON-RPC 2.0; -32000 as the MCP SDKs use it."""
REVISION_KEY = "io.modelcontextprotocol/protocolVersion"
"""Where a request of the current revisions names its revision; older ones agree on one by `initialize`."""
NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that the header `Mcp-Name` repeats, by method. Source: MCP 2026-07-28, streamable HTTP."""
ACCEPTED = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}

_PLAIN = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?")
_ENCODED = re.compile(r"=\?base64\?.*\?=")

Id = str | int


@dataclass(frozen=True)
class Message:
    """One line from a client: its bytes, and what they say."""

    line: bytes
    fields: Mapping[str, Any]

    @classmethod
    def parse(cls, line: bytes) -> Message:
        """Read a line. Raises MalformedRequestError for what is no JSON, InvalidInputError for what is no message."""
        try:
            fields = json.loads(line)
        except ValueError as error:
            raise MalformedRequestError(f"the line is no JSON ({error}); send one JSON-RPC message a line") from error
        if not isinstance(fields, dict):
            raise InvalidInputError("the line is no JSON object; send one JSON-RPC message a line, no batches")
        message = cls(line.strip(), fields)
        if message.kind != "notification" and not is_id(fields.get("id")):
            raise InvalidInputError(f"the id {fields.get('id')!r} is neither a string nor an integer")
        return message

    @property
    def kind(self) -> Literal["request", "notification", "response"]:
        """What it is; only a request is answered."""
        if "method" not in self.fields:
            return "response"
        return "request" if "id" in self.fields else "notification"

    @property
    def id(self) -> Id:
        """The id of a request or response."""
        found: Id = self.fields["id"]
        return found

    @property
    def method(self) -> str:
        """What is called, empty for a response."""
        return str(self.fields.get("method", ""))

    @property
    def params(self) -> Mapping[str, Any]:
        """Its parameters, empty when it has none."""
        params = self.fields.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def revision(self) -> str | None:
        """The revision that it names itself, as messages of the current ones do."""
        meta = self.params.get("_meta")
        revision = meta.get(REVISION_KEY) if isinstance(meta, dict) else None
        return revision if isinstance(revision, str) else None


def is_id(value: object) -> TypeGuard[Id]:
    """Whether JSON-RPC takes `value` as an id here; MCP rules null and fractions out."""
    return isinstance(value, str | int) and not isinstance(value, bool)


def routing_headers(message: Message) -> dict[str, str]:
    """The headers in which a message of a current revision repeats what it says; none for older ones."""
    if message.revision is None:
        return {}
    headers = {"MCP-Protocol-Version": message.revision, "Mcp-Method": message.method}
    name = message.params.get(NAMED_BY.get(message.method, ""))
    return headers | ({"Mcp-Name": header_value(name)} if isinstance(name, str) else {})


def header_value(text: str) -> str:
    """`text` for a header: as it is if it survives there, else in base64. Source: MCP 2026-07-28, SEP-2243."""
    if _PLAIN.fullmatch(text) and not _ENCODED.fullmatch(text):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


def one_line(body: bytes | str) -> bytes:
    """JSON without line ends; between its tokens they are white space, and within strings there are none."""
    return b" ".join((body.encode() if isinstance(body, str) else body).splitlines()).strip()


def answer_line(request: Message, body: bytes | str) -> bytes | None:
    """The response to `request` in `body` as a line, under the request's id; None when `body` is something else."""
    try:
        fields = json.loads(body)
    except ValueError:
        return None
    if not isinstance(fields, dict) or "method" in fields or not fields.keys() & {"result", "error"}:
        return None
    if fields.get("id") == request.id:
        return one_line(body)
    return json.dumps({**fields, "id": request.id}, ensure_ascii=False).encode()


def error_line(to: Id | None, error: AgentRAGError) -> bytes:
    """A fault on the way as the response to the request `to`, with the whole problem as its data."""
    match error:
        case MalformedRequestError():
            code = PARSE_ERROR
        case InvalidInputError():
            code = INVALID_REQUEST
        case _:
            code = CONNECTION_LOST if error.retryable else INTERNAL_ERROR
    data = error.problem().model_dump(mode="json", exclude_none=True)
    told = {"jsonrpc": "2.0", "id": to, "error": {"code": code, "message": str(error), "data": data}}
    return json.dumps(told, ensure_ascii=False).encode()
