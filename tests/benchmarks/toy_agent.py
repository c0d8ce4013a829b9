"""An agent for benchmarks, as a process: six search tools that find at once, and a count of the requests it got.

`python -m tests.benchmarks.toy_agent NAME PORT`; the count is at `/requests`.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime import telemetry
from runtime.agent import AgentServer
from runtime.call import Call, Skills
from runtime.process import listen
from runtime.settings import Settings
from schemas.chunk import Chunk, Found
from schemas.skills import READ_DOCUMENTS, HybridSearch, SkillSpec

TOOLS = 6
SENTENCE = "Clean the filter once a month and after every hundred hours of use, whichever comes first. "
CHUNK = SENTENCE * 6
"""What a found chunk says: about 550 characters."""


def found(count: int) -> Found:
    """As many chunks as were asked for."""
    chunks = (
        Chunk(
            chunk_id=f"c{number}",
            doc_id="d1",
            doc="manual.pdf",
            version_id="v1",
            page=number + 1,
            ordinal=number,
            start=0,
            end=len(CHUNK),
            content=CHUNK,
            score=1 / (number + 1),
        )
        for number in range(count)
    )
    return Found(chunks=tuple(chunks), tools=("vector", "keyword"))


def agent(name: str) -> AgentServer:
    """The agent, with `search_0` to `search_5`."""
    skills = Skills()
    for number in range(TOOLS):

        @skills.skill(SkillSpec(name, f"search_{number}", HybridSearch, Found, scopes=READ_DOCUMENTS))
        async def search(ask: HybridSearch, call: Call) -> Found:
            """Find chunks by meaning and by words."""
            return found(ask.top_k)

    return AgentServer(name, "Finds at once.", skills, Settings(), ())


class Counted:
    """An app that counts the MCP requests it gets, by method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._seen: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] == "http" and scope["path"] == "/requests":
            await JSONResponse(self._seen)(scope, receive, send)
            return
        if scope["type"] == "http" and scope["path"] == "/mcp":
            self._seen[dict(scope["headers"]).get(b"mcp-method", b"none").decode()] += 1
        await self._app(scope, receive, send)


if __name__ == "__main__":
    made = agent(sys.argv[1])
    telemetry.configure(made.name, made.settings)
    asyncio.run(listen(Counted(made.app()), "127.0.0.1", int(sys.argv[2])))  # type: ignore[arg-type]
