"""The OpenAPI 3.2 document of the API, made from its operations. Source: spec.openapis.org/oas/v3.2.0."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from hosts.orchestrator.operations import JSON, NDJSON, Events, Lines, Operation, Reply, Upload
from hosts.orchestrator.parameters import At, Parameters, Seen, declared
from runtime.agent import version
from runtime.errors import AgentRAGError
from schemas.message import Message
from schemas.problem import Problem

Part = dict[str, Any]
SCHEMAS = "#/components/schemas/"
PROBLEM_JSON = "application/problem+json"
STREAM = "text/event-stream"

ABOUT = """Ask your own documents, and get an answer in which every sentence points at the page it came from.

* Errors are `application/problem+json` (RFC 9457) with a stable `code`, a `trace_id` and the faults of single fields.
* Names that are not known, in a body or a query string, are refused with 422 rather than overlooked.
* JSON carries an `ETag`: send it as `If-None-Match` to read again, as `If-Match` to change only what you have seen.
* A `POST` with an `Idempotency-Key` can be sent again after a failure: it is done once.
* Streams are Server-Sent Events; take them up again with `Last-Event-ID`. A run goes on when nobody listens.
* Every response carries `traceparent` and `X-Trace-Id`; send `traceparent` to go on with a trace of your own.
* On a federation that listens on loopback alone, whoever reaches it is its owner; elsewhere send a bearer token.
"""

HEADERS: dict[str, tuple[str, str]] = {
    "ETag": ("Tag of exactly this representation.", '"9f2c…"'),
    "Location": ("Where to read what was made.", "/v1/queries/q_1f0c"),
    "Link": ('The next page, as `<…>; rel="next"`; absent on the last one.', '</v1/documents?cursor=…>; rel="next"'),
    "Content-Disposition": ("The name of the file.", "inline; filename*=UTF-8''manual.pdf"),
    "Cache-Control": ("Who may keep the response, and whether it must be asked for again.", "private, no-cache"),
    "RateLimit-Policy": ("Requests (`q`) in so many seconds (`w`); absent when unlimited.", '"user";q=100;w=60'),
    "RateLimit": ("Requests left (`r`) until the window ends in `t` seconds.", '"user";r=42;t=17'),
    "Retry-After": ("Seconds after which to ask again.", "17"),
    "WWW-Authenticate": ("How to say who asks.", "Bearer"),
    "traceparent": ("The trace of this request. Source: W3C Trace Context.", "00-4bf92f35…-00f067aa…-01"),
    "X-Trace-Id": ("The id of the trace, as problems and logs name it.", "4bf92f3577b34da6a3ce929d0e0e4736"),
}
"""Response headers with what they say and an example."""
TRACED = ("traceparent", "X-Trace-Id")
LIMITED = ("RateLimit", "RateLimit-Policy")
WITH_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}


class _Worded(GenerateJsonSchema):
    """Schemas of messages on the wire. We send every field but those that are null, which may be missing."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        """Whether it must be there."""
        if self.mode == "serialization":
            return not _is_nullable(field["schema"])
        return super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: the name of a field says it."""
        return False


def _is_nullable(schema: Any) -> bool:
    while schema["type"] == "default":
        schema = schema["schema"]
    return bool(schema["type"] == "nullable")


def document(operations: Sequence[Operation]) -> Part:
    """The document of these operations."""
    paths: dict[str, Part] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.2.0",
        "info": {
            "title": "AgentRAG",
            "version": version(),
            "description": ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": _schemas(operations),
            "responses": _problems(operations),
            "headers": {name: _header(says, example) for name, (says, example) in HEADERS.items()},
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token; not looked at on a federation that listens on loopback alone.",
                }
            },
        },
    }


def _operation(operation: Operation) -> Part:
    told = (operation.handler.__doc__ if operation.handler else None) or f"{operation.summary}."
    made: Part = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": "\n".join(line.strip() for line in told.strip().splitlines()),
        "security": [] if operation.is_public else [{"bearer": sorted(operation.scopes)}, {}],
        "responses": _responses(operation),
    }
    parameters = _parameters(operation.parameters)
    if parameters:
        made["parameters"] = parameters
    if operation.bodies:
        made["requestBody"] = {
            "required": True,
            "content": {
                kind: _body(body) | ({"example": operation.examples[kind]} if kind in operation.examples else {})
                for kind, body in operation.bodies.items()
            },
        }
    return made


def _parameters(kind: type[Parameters]) -> list[Part]:
    fields = kind.model_json_schema(schema_generator=_Worded)["properties"] if kind.model_fields else {}
    return [
        _parameter(at, fields[field], kind.model_fields[field].is_required()) for field, at in declared(kind).items()
    ]


def _parameter(at: At, schema: Part, is_required: bool) -> Part:
    """A parameter; that it may be missing is said by `required`, not by null or an empty default."""
    known = {key: value for key, value in schema.items() if key not in {"title", "description", "examples", "anyOf"}}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            known |= choice
    if not known.get("default"):
        known.pop("default", None)
    made = {"name": at.name, "in": at.place, "required": is_required, "schema": known}
    if "description" in schema:
        made["description"] = schema["description"]
    if "examples" in schema:
        made["example"] = schema["examples"][0]
    return made


def _body(body: type[Message] | Upload | Lines) -> Part:
    if isinstance(body, Lines):
        return {"itemSchema": _ref(body.message)}
    if not isinstance(body, Upload):
        return {"schema": _ref(body)}
    file = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The document."}
    return {
        "schema": {"type": "object", "required": ["file"], "properties": {"file": file}},
        "encoding": {"file": {"contentType": ", ".join(body.media_types)}},
    }


def _responses(operation: Operation) -> Part:
    found = {str(reply.status): _reply(reply, operation) for reply in operation.replies}
    if issubclass(operation.parameters, Seen):
        found["304"] = {
            "description": "You have it: one of the tags in `If-None-Match` still holds.",
            "headers": _headers("ETag", "Cache-Control", *_always(operation)),
        }
    for status in sorted({error.http_status for error in operation.errors}):
        found.setdefault(str(status), {"$ref": f"#/components/responses/{_problem_name(status)}"})
    return dict(sorted(found.items()))


def _always(operation: Operation) -> tuple[str, ...]:
    return TRACED if operation.is_public else (*LIMITED, *TRACED)


def _reply(reply: Reply, operation: Operation) -> Part:
    content: Part = {}
    names = list(reply.headers)
    if reply.events is not None:
        content[STREAM] = {"itemSchema": _event_item(reply.events)}
    if reply.lines is not None:
        content[NDJSON] = {"itemSchema": _ref(reply.lines)}
    if reply.message is not None:
        content[JSON] = {"schema": _ref(reply.message)}
        if issubclass(operation.parameters, Seen):
            names += ["ETag", "Cache-Control"]
    for media_type in reply.files:
        content[media_type] = {} if media_type != JSON else {"schema": {"type": "object"}}
    return {
        "description": reply.says,
        "headers": _headers(*names, *_always(operation)),
        "content": content,
    }


def _event_item(events: Events) -> Part:
    """One event of a stream. Source: OpenAPI 3.2, section 4.14.4.2, Server-Sent Event Streams."""
    choices: list[Part] = [
        {
            "required": ["event", "data"],
            "properties": {
                "event": {"const": message.model_fields["event"].default},
                "data": {"contentMediaType": JSON, "contentSchema": _ref(message)},
            },
        }
        for message in events.messages
    ]
    if events.closing:
        unnamed = {"event": {"const": "message"}, "data": {"const": events.closing}}
        choices.append({"required": ["data"], "properties": unnamed})
    plain = {
        "event": {"type": "string"},
        "data": {"type": "string"},
        "id": {"type": "string", "description": "For `Last-Event-ID`."},
        "retry": {"type": "integer", "description": "Milliseconds to wait before connecting again."},
    }
    return {"type": "object", "properties": plain, "oneOf": choices}


def _headers(*names: str) -> Part:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in dict.fromkeys(names)}


def _header(says: str, example: str) -> Part:
    return {"description": says, "schema": {"type": "string"}, "example": example}


def _problem_name(status: int) -> str:
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


def _problems(operations: Iterable[Operation]) -> Part:
    """One response for each status of a problem, with the codes that come with it."""
    kinds: dict[int, list[type[AgentRAGError]]] = {}
    for operation in operations:
        for error in operation.errors:
            known = kinds.setdefault(error.http_status, [])
            if error not in known:
                known.append(error)
    return {_problem_name(status): _problem(status, errors) for status, errors in sorted(kinds.items())}


def _problem(status: int, errors: list[type[AgentRAGError]]) -> Part:
    listed = "\n".join(f"* `{error.code}`: {(error.__doc__ or '').strip().splitlines()[0]}" for error in errors)
    example = errors[0]("what is wrong, the limit, and what to do").problem("4bf92f3577b34da6a3ce929d0e0e4736")
    return {
        "description": listed,
        "headers": _headers(*WITH_STATUS.get(status, ()), *TRACED),
        "content": {
            PROBLEM_JSON: {"schema": _ref(Problem), "example": example.model_dump(mode="json", exclude_none=True)}
        },
    }


def _ref(message: type[Message]) -> Part:
    return {"$ref": f"{SCHEMAS}{message.__name__}"}


def _schemas(operations: Iterable[Operation]) -> Part:
    """The schemas of all messages that go in or come out."""
    taken: list[type[Message]] = []
    sent: list[type[Message]] = [Problem]
    for operation in operations:
        for body in operation.bodies.values():
            taken += [body.message] if isinstance(body, Lines) else [body] if not isinstance(body, Upload) else []
        for reply in operation.replies:
            sent += [reply.lines] if reply.lines else []
            sent += [reply.message] if reply.message else []
            sent += reply.events.messages if reply.events else []
    asked: list[tuple[type[Message], JsonSchemaMode]] = [(message, "validation") for message in dict.fromkeys(taken)]
    asked += [(message, "serialization") for message in dict.fromkeys(sent)]
    _, found = models_json_schema(asked, ref_template=f"{SCHEMAS}{{model}}", schema_generator=_Worded)
    schemas: Part = found["$defs"]
    return dict(sorted(schemas.items()))
