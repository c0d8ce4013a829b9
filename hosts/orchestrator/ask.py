"""The host's own skill: ask a question, as an MCP tool and over A2A."""

from __future__ import annotations

from collections.abc import Callable

from hosts.orchestrator import runs
from hosts.orchestrator.host import Host
from hosts.orchestrator.stream import RunStream, parse
from runtime.call import Call, Skills
from schemas.event import AgentUpdate, TokenEvent
from schemas.query import Query, Run
from schemas.skills import ASK, Progress, Token

STEPS = {"retrieval": 1, "synthesis": 2, "citation": 3}


def skills(host: Callable[[], Host]) -> Skills:
    """The skills of a host that is there once the first call comes."""
    bound = Skills()

    @bound.skill(ASK)
    async def ask(query: Query, call: Call) -> Run:
        """Answer a question from the user's own documents.

        Every sentence of the answer carries markers like [0]; each citation names the document, the page and the
        verbatim words that support it. Says so when the documents do not answer the question.
        """
        here = host()
        run = await runs.begin(here, call.caller, query)
        async for entry in RunStream(here, call.caller.tenant, run.query_id).read():
            match parse(entry):
                case TokenEvent(content=content):
                    await call.emit(Token(content=content))
                case AgentUpdate(agent=agent, message=message):
                    await call.emit(Progress(message=message, done=STEPS.get(agent, 0), total=len(STEPS)))
        return await runs.finished(here, call.caller, run.query_id)

    return bound
