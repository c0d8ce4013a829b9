"""Events: what a run or a document tells its watchers while it happens. `done` is always the last of a run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from schemas.citation import Citation, Confidence
from schemas.document import Document
from schemas.message import Message
from schemas.problem import Problem

RunStatus = Literal["running", "completed", "failed", "cancelled"]
StepStatus = Literal["queued", "running", "retrying", "done", "failed", "skipped"]


class Accepted(Message):
    """The run exists and can be replayed."""

    event: Literal["accepted"] = "accepted"
    query_id: str
    conversation_id: str
    trace_id: str


class AgentUpdate(Message):
    """An agent began, finished or gave up a step."""

    event: Literal["agent_update"] = "agent_update"
    agent: str
    status: StepStatus = "running"
    message: str
    attempt: int | None = None
    elapsed_ms: float | None = None
    counts: dict[str, int] | None = None


class Source(Message):
    """A passage handed to synthesis; `number` is the n of its marker `[n]`."""

    number: int
    doc_id: str
    doc: str
    chunk_id: str
    page: int
    title: str | None = None
    score: float
    snippet: str


class Sources(Message):
    """Sent before the first token, so that markers can open at once."""

    event: Literal["sources"] = "sources"
    sources: tuple[Source, ...]


class TokenEvent(Message):
    """Some more text of the answer."""

    event: Literal["token"] = "token"
    content: str


class Reset(Message):
    """Throw away the text received so far: what follows replaces it."""

    event: Literal["reset"] = "reset"
    reason: str


class CitationsEvent(Message):
    """All citations of the finished text."""

    event: Literal["citations"] = "citations"
    citations: tuple[Citation, ...]


class ConfidenceEvent(Message):
    """How far the answer can be trusted."""

    event: Literal["confidence"] = "confidence"
    confidence: Confidence
    abstained: bool


class Related(Message):
    """Questions to ask next."""

    event: Literal["related"] = "related"
    questions: tuple[str, ...]


class WarningEvent(Message):
    """Something was done in a simpler way than usual."""

    event: Literal["warning"] = "warning"
    code: str
    message: str


class ErrorEvent(Message):
    """The run cannot go on."""

    event: Literal["error"] = "error"
    problem: Problem


class Done(Message):
    """The last event of every run, on every path."""

    event: Literal["done"] = "done"
    query_id: str
    status: RunStatus
    trace_id: str
    usage: dict[str, int] = Field(default_factory=dict)
    latency_ms: dict[str, float] = Field(default_factory=dict)


class DocumentEvent(Message):
    """How far a document has come."""

    event: Literal["document"] = "document"
    document: Document
    eta_s: float | None = Field(None, description="Seconds left, when they can be told.")


RunEvent = Annotated[
    Accepted
    | AgentUpdate
    | Sources
    | TokenEvent
    | Reset
    | CitationsEvent
    | ConfidenceEvent
    | Related
    | WarningEvent
    | ErrorEvent
    | Done,
    Field(discriminator="event"),
]
RUN_EVENT: TypeAdapter[RunEvent] = TypeAdapter(RunEvent)
