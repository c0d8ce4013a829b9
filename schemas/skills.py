"""What every agent can do: one SkillSpec a skill, imported by the server that binds it and the host that calls it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Literal, TypeVar

from pydantic import Field

from schemas.answer import Answer, FollowUps, Turn
from schemas.chunk import Chunk, Filters, Found
from schemas.citation import Cited, Located, PageImage, Span, Verdict
from schemas.document import Document, Documents, Status
from schemas.message import Message
from schemas.problem import Problem
from schemas.query import QUESTION_CHARS, Answered, Ask
from schemas.report import HealthReport, LatencyReport, UsageReport

I = TypeVar("I", bound=Message)
O_co = TypeVar("O_co", bound=Message, covariant=True)

Emits = Literal["nothing", "tokens", "progress"]
Effect = Literal["read", "write", "destroy"]
OnePer = Literal["page", "document"]

BATCH_TEXTS = 100
"""Most texts that one call takes in."""
CLAIM_CHARS = 4000
MOST_REFERENCES = 50
"""Longest claim, and most references, that are judged at once."""


@dataclass(frozen=True)
class SkillSpec(Generic[I, O_co]):
    """The contract of one skill: served as an MCP tool and as an A2A skill, called by the host.

    `emits` says what may come before the result; `scopes` what the caller must hold; `timeout` bounds one call. `view`
    is the URI of the page that shows the result to people in MCP clients that can (MCP Apps).
    """

    agent: str
    id: str
    input: type[I]
    output: type[O_co]
    emits: Emits = "nothing"
    scopes: frozenset[str] = frozenset()
    effect: Effect = "read"
    timeout: timedelta = timedelta(seconds=30)
    view: str | None = None

    @property
    def name(self) -> str:
        """The name under which the federation knows it, e.g. `retrieval_hybrid_search`."""
        return f"{self.agent}_{self.id}"


class Token(Message):
    """Some more text of a streamed answer."""

    content: str


class Progress(Message):
    """How far long work has come, in words for people and numbers for bars."""

    message: str
    done: float = 0.0
    total: float | None = None
    document: Document | None = Field(None, description="The document as it stands, when the work is on one.")


# retrieval ----------------------------------------------------------------------------------------------------------


class VectorSearch(Message):
    """Find chunks by meaning."""

    query: str = Field(min_length=1, max_length=QUESTION_CHARS, description="What to look for, in plain words.")
    top_k: int = Field(5, ge=1, le=100, description="How many chunks to return.")
    filters: Filters = Field(Filters(), description="Which documents to look at.")
    one_per: OnePer | None = Field(None, description="Return only the best chunk of each page, or of each document.")
    explain: bool = Field(False, description="Tell what was looked for, and the parts of each score.")


class KeywordSearch(Message):
    """Find chunks by words."""

    query: str = Field(min_length=1, max_length=QUESTION_CHARS, description="Words to look for.")
    top_k: int = Field(5, ge=1, le=100, description="How many chunks to return.")
    filters: Filters = Field(Filters(), description="Which documents to look at.")
    one_per: OnePer | None = Field(None, description="Return only the best chunk of each page, or of each document.")
    explain: bool = Field(False, description="Tell what was looked for, and the parts of each score.")


class HybridSearch(Message):
    """Find chunks by meaning and words."""

    query: str = Field(min_length=1, max_length=QUESTION_CHARS, description="What to look for, in plain words.")
    alpha: float | None = Field(None, ge=0, le=1, description="1 is all meaning, 0 all words; default measured.")
    top_k: int = Field(5, ge=1, le=100, description="How many chunks to return.")
    filters: Filters = Field(Filters(), description="Which documents to look at.")
    one_per: OnePer | None = Field(None, description="Return only the best chunk of each page, or of each document.")
    explain: bool = Field(False, description="Tell what was looked for, and the parts of each score.")


class Rerank(Message):
    """Order given chunks by how well they answer a query."""

    query: str = Field(min_length=1, max_length=QUESTION_CHARS)
    chunks: tuple[Chunk, ...] = Field(max_length=100)
    top_k: int | None = Field(None, ge=1, le=100, description="How many to keep; all when omitted.")


# ingestion ----------------------------------------------------------------------------------------------------------


class Ingest(Message):
    """Make a document searchable: one already uploaded (`doc_id`), or one handed in here (`filename` and content)."""

    doc_id: str | None = Field(None, description="An uploaded document; ingesting it twice does the work once.")
    filename: str | None = Field(None, max_length=255, description="Name with its ending, e.g. `manual.pdf`.")
    content_base64: str | None = Field(None, description="The file itself, base64 encoded.")
    text: str | None = Field(None, description="Plain text or Markdown, instead of `content_base64`.")


class BatchText(Message):
    """One short text of a batch."""

    id: str | None = Field(None, max_length=200, description="Your own id of it; comes back with what became of it.")
    filename: str | None = Field(None, max_length=255, description="Name of the document; by default its id as .txt.")
    title: str | None = Field(None, max_length=1000, description="Put before the text unless the text begins with it.")
    text: str = Field(description="Plain text, or what the ending of `filename` says.")


class IngestBatch(Message):
    """Make many short texts searchable in one go, each a document of its own."""

    texts: tuple[BatchText, ...] = Field(min_length=1, max_length=BATCH_TEXTS)


class BatchOutcome(Message):
    """What became of one text of a batch. `is_new` is False for bytes that were a document already."""

    line: int = Field(ge=1, description="Its place in the batch, from 1.")
    id: str | None = None
    doc_id: str | None = Field(None, description="The document; none when the text was refused.")
    status: Status
    is_new: bool = False
    error: Problem | None = None


class BatchIngested(Message):
    """What became of each text of a batch, in its order."""

    outcomes: tuple[BatchOutcome, ...]


class DocumentRef(Message):
    """Names one document."""

    doc_id: str = Field(min_length=1, max_length=64)


class ListDocuments(Message):
    """List documents, newest first."""

    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None
    status: Status | None = None


class Deleted(Message):
    """A document and everything made from it are gone."""

    doc_id: str
    chunks: int = Field(description="Chunks that were removed from the index.")


# synthesis ----------------------------------------------------------------------------------------------------------


class Synthesize(Message):
    """Answer a question from the given chunks only; `[n]` in the answer is the n-th chunk, from 0."""

    question: str = Field(min_length=1, max_length=QUESTION_CHARS)
    chunks: tuple[Chunk, ...] = Field(max_length=50)
    history: tuple[Turn, ...] = Field((), max_length=5)
    simple: bool = Field(False, description="Use the simpler way of answering: the first choice is away.")


class SuggestFollowUps(Message):
    """Suggest what to ask next."""

    question: str = Field(min_length=1, max_length=QUESTION_CHARS)
    answer: str
    chunks: tuple[Chunk, ...] = Field(max_length=50)


# citation -----------------------------------------------------------------------------------------------------------


class Cite(Message):
    """Tie each sentence of an answer to the words of the pages that support it."""

    answer: str
    chunks: tuple[Chunk, ...] = Field(max_length=50, description="The chunks behind the answer, in order.")
    question: str = ""
    with_rects: bool = Field(True, description="Also find the rectangles on the page pictures.")


class Locate(Message):
    """Find where a quote stands in a document."""

    doc_id: str
    quote: str = Field(min_length=1, max_length=4000)
    page: int | None = Field(None, ge=1, description="Look on this page only.")


class ShowPage(Message):
    """Draw a page with passages in yellow."""

    doc_id: str
    page: int = Field(ge=1)
    quote: str | None = Field(None, max_length=4000, description="Words to highlight.")
    spans: tuple[Span, ...] = Field((), max_length=50, description="Passages to highlight, as citations carry them.")
    width: int = Field(918, ge=100, le=2400, description="Pixels.")


class Verify(Message):
    """Judge whether references support a claim."""

    claim: str = Field(min_length=1, max_length=CLAIM_CHARS)
    references: tuple[str, ...] = Field(min_length=1, max_length=MOST_REFERENCES)


# monitoring ---------------------------------------------------------------------------------------------------------


class Usage(Message):
    """Ask for calls and tokens in a window."""

    hours: float = Field(24.0, gt=0, le=24 * 366, description="How far back, in hours.")
    group_by: Literal["agent", "skill", "model", "principal"] = "agent"


class Latency(Message):
    """Ask for response times in a window."""

    hours: float = Field(24.0, gt=0, le=24 * 366, description="How far back, in hours.")
    agent: str | None = Field(None, description="Only this agent.")


class Health(Message):
    """Ask how the federation is."""


READ_DOCUMENTS = frozenset({"documents:read"})
WRITE_DOCUMENTS = frozenset({"documents:write"})
ASK_QUESTIONS = frozenset({"queries:write"})
READ_REPORTS = frozenset({"reports:read"})
SCOPES = READ_DOCUMENTS | WRITE_DOCUMENTS | ASK_QUESTIONS | READ_REPORTS
"""Every scope there is."""

MINUTES = timedelta(minutes=1)

VECTOR_SEARCH = SkillSpec("retrieval", "vector_search", VectorSearch, Found, scopes=READ_DOCUMENTS)
KEYWORD_SEARCH = SkillSpec("retrieval", "keyword_search", KeywordSearch, Found, scopes=READ_DOCUMENTS)
HYBRID_SEARCH = SkillSpec("retrieval", "hybrid_search", HybridSearch, Found, scopes=READ_DOCUMENTS)
RERANK = SkillSpec("retrieval", "rerank", Rerank, Found, scopes=READ_DOCUMENTS)

INGEST = SkillSpec(
    "ingestion", "ingest", Ingest, Document, "progress", WRITE_DOCUMENTS, effect="write", timeout=60 * MINUTES
)
INGEST_BATCH = SkillSpec(
    "ingestion",
    "ingest_batch",
    IngestBatch,
    BatchIngested,
    "progress",
    WRITE_DOCUMENTS,
    effect="write",
    timeout=10 * MINUTES,
)
STATUS = SkillSpec("ingestion", "status", DocumentRef, Document, scopes=READ_DOCUMENTS)
LIST_DOCUMENTS = SkillSpec("ingestion", "list_documents", ListDocuments, Documents, scopes=READ_DOCUMENTS)
REPROCESS = SkillSpec(
    "ingestion", "reprocess", DocumentRef, Document, "progress", WRITE_DOCUMENTS, effect="write", timeout=60 * MINUTES
)
CANCEL = SkillSpec("ingestion", "cancel", DocumentRef, Document, scopes=WRITE_DOCUMENTS, effect="write")
DELETE = SkillSpec("ingestion", "delete", DocumentRef, Deleted, scopes=WRITE_DOCUMENTS, effect="destroy")

ANSWER = SkillSpec("synthesis", "answer", Synthesize, Answer, "tokens", ASK_QUESTIONS, timeout=2 * MINUTES)
FOLLOW_UPS = SkillSpec("synthesis", "follow_ups", SuggestFollowUps, FollowUps, scopes=ASK_QUESTIONS)

CITATION_VIEW = "ui://citation/view.html"
"""The page of the citation agent that shows answers with their citations, found quotes and pages."""

CITE = SkillSpec("citation", "cite", Cite, Cited, scopes=READ_DOCUMENTS, view=CITATION_VIEW)
LOCATE = SkillSpec("citation", "locate", Locate, Located, scopes=READ_DOCUMENTS, view=CITATION_VIEW)
PAGE_IMAGE = SkillSpec("citation", "page_image", ShowPage, PageImage, scopes=READ_DOCUMENTS, view=CITATION_VIEW)
VERIFY = SkillSpec("citation", "verify", Verify, Verdict, scopes=READ_DOCUMENTS, view=CITATION_VIEW)

USAGE = SkillSpec("monitoring", "usage", Usage, UsageReport, scopes=READ_REPORTS)
LATENCY = SkillSpec("monitoring", "latency", Latency, LatencyReport, scopes=READ_REPORTS)
HEALTH = SkillSpec("monitoring", "health", Health, HealthReport, scopes=READ_REPORTS)

ASK = SkillSpec(
    "orchestrator",
    "ask",
    Ask,
    Answered,
    "tokens",
    ASK_QUESTIONS,
    effect="write",
    timeout=3 * MINUTES,
    view=CITATION_VIEW,
)

AGENTS = ("retrieval", "ingestion", "synthesis", "citation", "monitoring")
"""The five agents, by the names of their servers."""
