"""The skills of the synthesis agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runtime.call import Call, Skills
from schemas.answer import Answer, FollowUps
from schemas.skills import ANSWER, FOLLOW_UPS, SuggestFollowUps, Synthesize
from servers.synthesis.answer import PROMPT, write
from servers.synthesis.settings import SynthesisSettings
from servers.synthesis.suggestions import PROMPT as FOLLOW_UPS_PROMPT
from servers.synthesis.suggestions import suggest
from servers.synthesis.warmth import warming

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from runtime.agent import AgentServer
    from runtime.backends import Backends

DESCRIPTION = (
    "Writes the answer to a question from chunks of the user's documents, and from nothing else. "
    "Each sentence ends with the number [n] of the chunk it rests on; what the chunks lack is said, not guessed."
)

skills = Skills()


@skills.skill(ANSWER)
async def answer(ask: Synthesize, call: Call) -> Answer:
    """Answer a question from the given chunks alone; `[n]` behind a sentence is the chunk it rests on, counted from 0.

    Hand in the chunks that a search of the retrieval agent returned, in their order, and earlier turns of the
    conversation if the question refers to them. When the chunks do not suffice, the answer says so (`abstained`).
    """
    answerer = call.on.simple_answerer if ask.simple else call.on.answerer
    return await write(ask, answerer, call.emit)


@skills.skill(FOLLOW_UPS)
async def follow_ups(ask: SuggestFollowUps, call: Call) -> FollowUps:
    """Suggest up to three questions to ask next; each can be answered from the given chunks."""
    return await suggest(ask, call.on.answerer)


def create_agent(settings: SynthesisSettings | None = None, backends: Backends | None = None) -> AgentServer:
    """The synthesis agent, ready to serve; settings come from the environment when none are given."""
    from runtime.agent import AgentServer

    settings = settings or SynthesisSettings.beside(backends)
    return AgentServer(
        "synthesis",
        DESCRIPTION,
        skills,
        settings,
        needs=("answerer", "simple_answerer"),
        prompts=(PROMPT, FOLLOW_UPS_PROMPT),
        backends=backends,
        background=warming if settings.warm_answerer else None,
    )


def create_server(settings: SynthesisSettings | None = None) -> FastMCP[Any]:
    """Its MCP server, for `fastmcp inspect` and the like."""
    return create_agent(settings).mcp
