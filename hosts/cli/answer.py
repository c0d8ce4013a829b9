"""An answer in a terminal: the timeline of its run, its text as it comes, then its sources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from pydantic import ValidationError

from hosts.cli.api import Api
from hosts.cli.citations import Links, MarkerText, confidence_line, source_lines
from hosts.cli.console import Console, Exit, one_line
from hosts.cli.sse import ServerEvent
from runtime.errors import AgentRAGError, InternalError, from_problem
from schemas.event import (
    RUN_EVENT,
    Accepted,
    AgentUpdate,
    CitationsEvent,
    ConfidenceEvent,
    Done,
    ErrorEvent,
    Related,
    Reset,
    RunEvent,
    Sources,
    TokenEvent,
    WarningEvent,
)
from schemas.problem import Problem
from schemas.query import Query

CANCEL_SECONDS = 3.0
"""Longest wait for the host to say that a run is cancelled."""


def run_event(event: ServerEvent) -> RunEvent:
    """The event of a run. Raises InternalError when the host speaks another version of the API."""
    try:
        return RUN_EVENT.validate_json(event.data)
    except ValidationError as error:
        raise InternalError(
            f"the host sent an event {event.event!r} that is not understood; "
            "use one version of agentrag for `up` and for this command"
        ) from error


def timeline(update: AgentUpdate) -> str:
    """`retrieval  Found 5 chunks  0.21 s`."""
    attempt = f"  attempt {update.attempt}" if update.attempt and update.attempt > 1 else ""
    elapsed = f"  {update.elapsed_ms / 1000:.2f} s" if update.elapsed_ms is not None else ""
    return f"{update.agent:<10} {one_line(update.message)}{attempt}{elapsed}"


@dataclass
class Ending:
    """What a run came to."""

    query_id: str = ""
    conversation_id: str = ""
    abstained: bool = False
    problem: Problem | None = None
    done: Done | None = None

    def take(self, event: RunEvent) -> None:
        """Note what an event says about the end."""
        match event:
            case Accepted():
                self.query_id, self.conversation_id = event.query_id, event.conversation_id
            case ConfidenceEvent():
                self.abstained = event.abstained
            case ErrorEvent():
                self.problem = event.problem
            case Done():
                self.done = event

    def exit(self) -> Exit:
        """The exit code. Raises the error that ended the run."""
        if self.problem is not None:
            raise from_problem(self.problem)
        if self.done is None or self.done.status != "completed":
            return Exit.FAILED
        return Exit.NO_ANSWER if self.abstained else Exit.OK


async def follow(api: Api, query: Query, show: Callable[[ServerEvent, RunEvent], None]) -> Ending:
    """Ask, and show every event. A cancelled task cancels the run at the host before it ends."""
    ending, accepted = Ending(), asyncio.Event()

    async def read() -> None:
        async with aclosing(api.ask(query)) as events:
            async for raw in events:
                event = run_event(raw)
                ending.take(event)
                accepted.set()
                show(raw, event)

    reading = asyncio.create_task(read())
    try:
        await asyncio.shield(reading)
    except asyncio.CancelledError:
        with suppress(AgentRAGError, TimeoutError):  # nobody answers any more: there is no run that we could end
            async with asyncio.timeout(CANCEL_SECONDS):
                await accepted.wait()  # before that its id is not known
                await api.cancel_run(ending.query_id)
        raise
    finally:
        reading.cancel()
        await asyncio.wait([reading])
    return ending


def show_timeline(console: Console, event: RunEvent) -> None:
    """Tell what agents do, and what they did in a simpler way."""
    match event:
        case AgentUpdate():
            console.tell(timeline(event))
        case WarningEvent():
            console.say(f"warning: {one_line(event.message)}")


@dataclass
class AnswerView:
    """Shows a run as text. Somebody who watches sees the text grow; a pipe gets the final text in one piece."""

    console: Console
    links: Links
    _text: MarkerText = field(init=False)
    _pieces: list[str] = field(default_factory=list)
    _endmatter: list[str] = field(default_factory=list)
    _confidence: str = ""
    _related: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self._text = MarkerText(self.links)

    def take(self, _: ServerEvent, event: RunEvent) -> None:
        """Show an event."""
        show_timeline(self.console, event)
        match event:
            case Sources():
                self._text.sources = {source.number: source for source in event.sources}
            case TokenEvent():
                self._add(self._text.feed(event.content))
            case Reset():
                self._restart(event.reason)
            case CitationsEvent():
                self._endmatter = source_lines(event.citations, self.links)
            case ConfidenceEvent():
                self._confidence = confidence_line(event.confidence)
            case Related():
                self._related = event.questions

    def _add(self, piece: str) -> None:
        if self.console.is_read_live:
            self.console.data(piece, end="")
        self._pieces.append(piece)

    def _restart(self, reason: str) -> None:
        self._text.flush()
        if any(self._pieces):
            self.console.end_line()
            self.console.tell(f"The answer starts again: {one_line(reason)}")
        self._pieces.clear()

    def finish(self, ending: Ending) -> None:
        """Show what comes below the text."""
        self._add(self._text.flush())
        if not self.console.is_read_live:
            self.console.data("".join(self._pieces).strip())
        self.console.end_line()
        if self._endmatter:
            self.console.data("\n".join(["", "Sources:", *self._endmatter]))
        if self._confidence:
            self.console.data(f"\n{self._confidence}")
        for question in self._related:
            self.console.tell(f"You may also ask: {one_line(question)}")
        if ending.conversation_id:
            self.console.tell(f"Go on with: --conversation {ending.conversation_id}")


async def show_answer(api: Api, query: Query, console: Console, links: Links) -> Ending:
    """Ask and show the answer as text; what went wrong is raised once the text so far is out."""
    view = AnswerView(console, links)
    ending = await follow(api, query, view.take)
    view.finish(ending)
    return ending
