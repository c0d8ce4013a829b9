"""The agent card: what an agent can do and where, generated from its skills."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentExtension, AgentInterface, AgentSkill
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

if TYPE_CHECKING:
    from runtime.agent import AgentServer

MCP_ENDPOINT = "urn:agentrag:a2a:mcp-endpoint:v1"
"""Names the agent's MCP endpoint: `{url, transport}`."""
TYPED_PARTS = "urn:agentrag:a2a:typed-parts:v1"
"""Names each skill's input and output as JSON Schema: `{skills: {id: {input, output, emits}}}`.

A message calls a skill with one data part holding the input and the skill's id in `metadata.skill`.
"""


def _struct(value: dict[str, Any]) -> Struct:
    return ParseDict(value, Struct())


def build(agent: AgentServer, base_url: str) -> AgentCard:
    """The card of an agent that is reached at `base_url`."""
    base = base_url.rstrip("/")
    typed = {
        bound.spec.id: {
            "input": bound.spec.input.model_json_schema(),
            "output": bound.spec.output.model_json_schema(mode="serialization"),
            "emits": bound.spec.emits,
        }
        for bound in agent.skills.bound.values()
    }
    return AgentCard(
        name=agent.name,
        description=agent.description,
        version=agent.version,
        supported_interfaces=[
            AgentInterface(url=f"{base}/a2a", protocol_binding="JSONRPC", protocol_version="1.0"),
        ],
        capabilities=AgentCapabilities(
            streaming=True,
            push_notifications=False,
            extensions=[
                AgentExtension(
                    uri=MCP_ENDPOINT,
                    description="The same skills as MCP tools",
                    params=_struct({"url": f"{base}/mcp", "transport": "streamable-http"}),
                ),
                AgentExtension(
                    uri=TYPED_PARTS,
                    description="Data parts in and out of each skill",
                    params=_struct({"skills": typed}),
                ),
            ],
        ),
        default_input_modes=["application/json", "text/plain"],
        default_output_modes=["application/json", "text/plain"],
        skills=[
            AgentSkill(
                id=bound.spec.id,
                name=bound.spec.id.replace("_", " ").capitalize(),
                description=bound.description,
                tags=[agent.name, bound.spec.effect],
            )
            for bound in agent.skills.bound.values()
        ],
    )


@lru_cache(maxsize=64)
def document(agent: AgentServer, base_url: str) -> tuple[bytes, str]:
    """The card as JSON with its ETag. Hosts look again and again, and the schemas in it take 70 ms to make."""
    body = json.dumps(agent_card_to_dict(build(agent, base_url)), sort_keys=True).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
