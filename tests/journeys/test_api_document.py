"""The OpenAPI document is valid, tells of every route, and real requests and responses are as it says."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV32SpecValidator
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from starlette.routing import Route

from hosts.orchestrator.app import OPERATIONS, create_host
from hosts.orchestrator.openapi import document
from hosts.orchestrator.operations import NDJSON
from hosts.orchestrator.routes.uploads import MEDIA
from hosts.orchestrator.settings import HostSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")
PROTOCOLS = {"/mcp", "/a2a"}
"""Doors that speak a protocol of their own."""
EXAMPLES = 10
"""Requests of each kind that are made up for each operation."""
SECONDS = 5
"""How long a response may take; streams that never end are read for so long."""
UNSEEN_LIMITS = {"create_document", "create_batch", "list_documents"}
"""Operations that ask for more than a schema says: the ending of a file name, a schema for each line, a cursor."""

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "410", "412", "429"]
            }
        }
    }
)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return document(OPERATIONS)


async def test_the_document_is_valid_and_says_which_version_it_is(described: dict[str, Any]) -> None:
    OpenAPIV32SpecValidator(described).validate()
    assert described["openapi"] == "3.2.0"


async def test_the_host_serves_the_document(http: httpx.AsyncClient, described: dict[str, Any]) -> None:
    answer = await http.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(described))


async def test_every_route_is_described_and_every_description_has_a_route(
    described: dict[str, Any], tmp_path: Path
) -> None:
    app = create_host(HostSettings(data=tmp_path), None, {"retrieval": "http://127.0.0.1:9"}).app()
    served = {
        (route.path, method)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or {"GET"}) - {"HEAD", "OPTIONS"}
        if route.path not in PROTOCOLS
    }
    told = {(path, method.upper()) for path, methods in described["paths"].items() for method in methods}
    assert served == told


async def test_names_are_unique_and_every_operation_is_explained(described: dict[str, Any]) -> None:
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    for operation in operations:
        assert operation["summary"]
        assert operation["description"]
        assert all("description" in parameter for parameter in operation.get("parameters", ()))
    assert not any(name.endswith(("-Input", "-Output")) for name in described["components"]["schemas"])


async def test_examples_are_what_their_schemas_say(described: dict[str, Any]) -> None:
    shown = 0
    bodies = [
        operation["requestBody"]["content"]
        for methods in described["paths"].values()
        for operation in methods.values()
        if "requestBody" in operation
    ]
    bodies += [response["content"] for response in described["components"]["responses"].values()]
    for kinds in bodies:
        for kind in kinds.values():
            if "example" in kind:
                schema = kind["schema"] | {"components": described["components"]}
                Draft202012Validator(schema).validate(kind["example"])
                shown += 1
    assert shown > 10


async def test_streams_are_described_event_by_event(described: dict[str, Any]) -> None:
    content = described["paths"]["/v1/queries"]["post"]["responses"]["200"]["content"]
    choices = content["text/event-stream"]["itemSchema"]["oneOf"]
    told = {choice["properties"]["event"]["const"]: choice["properties"]["data"] for choice in choices}
    assert {"accepted", "agent_update", "sources", "token", "citations", "confidence", "done"} <= set(told)
    assert told["token"]["contentSchema"] == {"$ref": "#/components/schemas/TokenEvent"}
    assert told["message"] == {"const": "[DONE]"}


# requests that a program made up


@schemathesis.serializer(*MEDIA)
def as_bytes(_: Any, value: Any) -> bytes:
    """Parts of forms: what was made up, as bytes."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.serializer(NDJSON)
def as_line(_: Any, value: Any) -> bytes:
    """A batch of one line: what was made up, as JSON where it can be."""
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()


def tried(operation: Any, address: str, ids: dict[str, Any]) -> int:
    """Send made-up requests, those that fit the document and those that do not; all must be answered as it says."""
    made = 0

    def check(case: Any) -> None:
        nonlocal made
        if "Idempotency-Key" in (case.headers or {}) and case.meta.generation.mode.is_positive:
            case.headers["Idempotency-Key"] = uuid.uuid4().hex
        response = case.call(base_url=address, timeout=SECONDS)
        made += 1
        skipped = []
        if operation.definition.raw["operationId"] in UNSEEN_LIMITS:
            skipped.append(schemathesis.checks.CHECKS.get_one("positive_data_acceptance"))
        case.validate_response(response, excluded_checks=skipped)

    for mode in GenerationMode:
        for places in ({}, ids) if ids else ({},):
            if mode.is_negative and not any([operation.path_parameters, operation.query, operation.headers]):
                continue
            strategy = operation.as_strategy(generation_mode=mode, path_parameters=places or None)
            search = settings(
                max_examples=EXAMPLES,
                deadline=None,
                database=None,
                derandomize=False,
                phases=(Phase.generate,),
                suppress_health_check=list(HealthCheck),
            )
            seed(20260701)(search(given(case=strategy)(check)))()
    return made


@pytest.fixture(scope="module")
def schema(described: dict[str, Any]) -> Any:
    return schemathesis.openapi.from_dict(json.loads(json.dumps(described)), config=CONFIG)


LABELS = [f"{operation.method} {operation.path}" for operation in OPERATIONS]


@pytest.mark.parametrize("label", LABELS)
async def test_no_request_makes_the_host_fail_or_break_its_word(
    address: str, http: httpx.AsyncClient, manual: dict[str, Any], schema: Any, label: str
) -> None:
    operation = next(found.ok() for found in schema.get_all_operations() if found.ok().label == label)
    spare = await http.post("/v1/documents", files={"file": ("spare.txt", f"Spare {uuid.uuid4().hex}.".encode())})
    run = await http.post("/v1/queries", json={"query": "What is oiled?"}, headers={"Prefer": "respond-async"})
    doc_id = (spare.json() if operation.method == "delete" else manual)["doc_id"]
    known = {"doc_id": doc_id, "query_id": run.json()["query_id"], "page": 2}
    ids = {parameter.name: known[parameter.name] for parameter in operation.path_parameters}
    assert await asyncio.to_thread(tried, operation, address, ids) > 0
