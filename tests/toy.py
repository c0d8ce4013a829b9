"""A small agent with one skill of each kind, to try the AgentServer with."""

from __future__ import annotations

import asyncio

from pydantic import Field

from runtime.agent import AgentServer
from runtime.backends import Backends
from runtime.call import Call, Skills
from runtime.errors import NotFoundError
from runtime.settings import Settings
from schemas.answer import TokenUsage
from schemas.message import Message
from schemas.picture import Picture
from schemas.skills import READ_DOCUMENTS, READ_REPORTS, Progress, SkillSpec, Token


class Say(Message):
    query: str = Field(min_length=1, description="What to say.")
    times: int = Field(1, ge=1, le=100_000)


class Said(Message):
    text: str
    tenant: str
    principal: str = ""
    usage: TokenUsage = TokenUsage()
    model: str = ""


class Drawn(Message):
    picture: Picture


VIEW = "ui://toy/view.html"
SAY = SkillSpec("toy", "say", Say, Said, scopes=READ_DOCUMENTS, view=VIEW)
SING = SkillSpec("toy", "sing", Say, Said, "tokens", READ_DOCUMENTS)
WORK = SkillSpec("toy", "work", Say, Said, "progress", READ_DOCUMENTS)
DRAW = SkillSpec("toy", "draw", Say, Drawn, scopes=READ_DOCUMENTS)
MISS = SkillSpec("toy", "miss", Say, Said, scopes=READ_DOCUMENTS)
CRASH = SkillSpec("toy", "crash", Say, Said, scopes=READ_DOCUMENTS)
REPORT = SkillSpec("toy", "report", Say, Said, scopes=READ_REPORTS)


class Toy:
    """The agent, and what happened to it."""

    def __init__(self, settings: Settings) -> None:
        self.stopped = asyncio.Event()
        self.stopped_because = ""
        self.begun = asyncio.Event()
        self.on = Backends(settings)
        self.agent = AgentServer("toy", "Says things.", self._skills(), settings, (), prompts=("phr-002-synthesis",))

    def _skills(self) -> Skills:
        skills = Skills()

        @skills.skill(SAY)
        async def say(ask: Say, call: Call) -> Said:
            """Say it again."""
            who, usage = call.caller, TokenUsage(input_tokens=3, output_tokens=ask.times)
            text = " ".join([ask.query] * ask.times)
            return Said(text=text, tenant=who.tenant, principal=who.principal, usage=usage, model="parrot")

        @skills.skill(SING)
        async def sing(ask: Say, call: Call) -> Said:
            """Say it word by word."""
            self.begun.set()
            try:
                for number in range(ask.times):
                    await call.emit(Token(content=f"{ask.query}{number} "))
                    await asyncio.sleep(0.002)
            except asyncio.CancelledError:
                self.stopped_because = call.stop.reason
                self.stopped.set()
                raise
            return Said(text="sung", tenant=call.caller.tenant)

        @skills.skill(WORK)
        async def work(ask: Say, call: Call) -> Said:
            """Work in steps."""
            for number in range(1, ask.times + 1):
                await call.emit(Progress(message=f"step {number}/{ask.times}", done=number, total=ask.times))
                await asyncio.sleep(0)
            return Said(text=ask.query, tenant=call.caller.tenant, principal=call.caller.principal)

        @skills.skill(DRAW)
        async def draw(ask: Say, call: Call) -> Drawn:
            """Draw it."""
            return Drawn(picture=Picture(media_type="image/webp", base64="QUJD", width=1, height=1))

        @skills.skill(MISS)
        async def miss(ask: Say, call: Call) -> Said:
            """Never find it."""
            raise NotFoundError(f"there is no {ask.query!r}; ask for something else")

        @skills.skill(CRASH)
        async def crash(ask: Say, call: Call) -> Said:
            """Fall over."""
            raise ValueError("a secret detail")

        @skills.skill(REPORT)
        async def report(ask: Say, call: Call) -> Said:
            """For those who may read reports."""
            return Said(text="report", tenant=call.caller.tenant)

        @skills.view(VIEW, calls={"say_quietly": SAY, "report_quietly": REPORT})
        def page() -> str:
            """What was said, in large letters."""
            return "<!doctype html><title>Said</title>"

        @skills.resource("thing://{name}", READ_DOCUMENTS)
        async def thing(call: Call, name: str) -> Said:
            """A thing by its name."""
            return Said(text=name, tenant=call.caller.tenant)

        return skills
