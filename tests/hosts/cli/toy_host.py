"""A small host with the HTTP API that the commands use: documents end at once, runs follow a script."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from runtime.errors import AgentRAGError, NotFoundError, UnsupportedMediaError
from runtime.federation import FolderLock
from schemas.citation import Citation, Confidence
from schemas.document import Document
from schemas.event import (
    Accepted,
    AgentUpdate,
    CitationsEvent,
    ConfidenceEvent,
    DocumentEvent,
    Done,
    Related,
    RunEvent,
    Source,
    Sources,
    TokenEvent,
)
from schemas.query import Run
from tests.serving import serving

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
QUERY_ID = "run_1"


def document(doc_id: str, filename: str, **more: Any) -> Document:
    """A searchable document, or what `more` makes of it."""
    known = {"status": "completed", "stage": "done", "progress": 100, "pages": 8, "chunks": 31, "version_id": "v1"}
    return Document(doc_id=doc_id, filename=filename, created_at=NOW, updated_at=NOW, **{**known, **more})


def citation(number: int = 0, **more: Any) -> Citation:
    """A verified citation of page 2 of the manual."""
    known: dict[str, Any] = {
        "marker": f"[{number}]",
        "number": number,
        "doc": "manual.pdf",
        "doc_id": "doc_1",
        "chunk_id": f"chunk_{number}",
        "page": 2,
        "sentence": "Keep hands away.",
        "quote": "Keep hands, hair and\nloose clothing away",
        "score": 0.9,
        "verified": True,
    }
    return Citation(**{**known, **more})


def answered(*texts: str, abstained: bool = False) -> list[RunEvent]:
    """The events of a run that answers with `texts`, one token event each."""
    source = Source(
        number=0, doc_id="doc_1", doc="manual.pdf", chunk_id="chunk_0", page=2, score=0.9, snippet="Keep hands away"
    )
    confidence = Confidence(score=93, retrieval=0.9, coverage=1.0, agreement=0.88)
    return [
        Accepted(query_id=QUERY_ID, conversation_id="conv_1", trace_id="t"),
        AgentUpdate(agent="retrieval", status="done", message="Found 5 chunks", elapsed_ms=210.0),
        Sources(sources=(source,)),
        *(TokenEvent(content=text) for text in texts),
        CitationsEvent(citations=() if abstained else (citation(),)),
        ConfidenceEvent(confidence=confidence, abstained=abstained),
        Related(questions=("How is it cleaned?",)),
        Done(query_id=QUERY_ID, status="completed", trace_id="t"),
    ]


class BrokenOffError(Exception):
    """Raised within a stream to cut its connection."""


@dataclass
class ToyHost:
    """What the host holds and what it was asked. `breaks` streams are cut after two events each."""

    documents: dict[str, Document] = field(default_factory=dict)
    script: list[RunEvent] = field(default_factory=lambda: answered("Keep hands away [0]."))
    breaks: int = 0
    ends: bool = True
    due: set[str] = field(default_factory=set)
    """Documents that are about to be worked on again."""
    fails: dict[str, str] = field(default_factory=dict)
    """Message of the failure by file name."""
    refusal: AgentRAGError | None = None
    """What every question and batch is refused with."""
    queries: list[dict[str, Any]] = field(default_factory=list)
    received: dict[str, bytes] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    resumed_after: list[str] = field(default_factory=list)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    at_work: int = 0
    most_at_work: int = 0

    def app(self) -> Starlette:
        """The host over HTTP."""
        at, query = "/v1/documents/{doc_id}", "/v1/queries/{query_id}"
        routes = [
            Route("/v1/documents", self.create, methods=["POST"]),
            Route("/v1/documents", self.list_all),
            Route("/v1/documents/batch", self.create_batch, methods=["POST"]),
            Route(at, self.read, methods=["GET", "DELETE"]),
            Route(f"{at}/reprocess", self.redo, methods=["POST"]),
            Route(f"{at}/cancel", self.stop, methods=["POST"]),
            Route(f"{at}/events", self.watch),
            Route("/v1/queries", self.ask, methods=["POST"]),
            Route(query, self.read_run),
            Route(f"{query}/events", self.follow),
            Route(f"{query}/cancel", self.cancel, methods=["POST"]),
            Route("/plain", lambda _: Response("gone fishing", 502)),
        ]
        return Starlette(routes=routes, exception_handlers={AgentRAGError: _problem})

    async def create(self, request: Request) -> Response:
        form = await request.form()
        file = form["file"]
        assert isinstance(file, UploadFile)
        name, content = file.filename or "", await file.read()
        self.received[name] = content
        if name.endswith(".xyz"):
            raise UnsupportedMediaError("files ending in '.xyz' cannot be read")
        doc_id = f"doc_{hashlib.sha256(content).hexdigest()[:8]}"
        is_new = doc_id not in self.documents
        if is_new:
            reason = self.fails.get(name)
            status: dict[str, Any] = {"status": "failed", "message": reason} if reason else {}
            self.documents[doc_id] = document(doc_id, name, **status)
        elif self.documents[doc_id].status == "failed":
            self.due.add(doc_id)
        return _shown(self.documents[doc_id], 202 if is_new else 200)

    async def create_batch(self, request: Request) -> Response:
        """One outcome a line; a break cuts the last one off."""
        if self.refusal is not None:
            raise self.refusal
        texts = [json.loads(line) for line in (await request.body()).splitlines()]

        async def lines() -> AsyncIterator[str]:
            for number, text in enumerate(texts, 1):
                if self.breaks and number == len(texts):
                    raise BrokenOffError
                yield json.dumps({"line": number, "id": text["id"], "doc_id": f"doc_{number}", "status": "completed"})
                yield "\n"

        return StreamingResponse(lines(), media_type="application/x-ndjson")

    async def list_all(self, request: Request) -> Response:
        """Two documents a page."""
        status, first = request.query_params.get("status"), int(request.query_params.get("cursor", "0"))
        kept = [one for one in self.documents.values() if status in (None, one.status)]
        items = [one.model_dump(mode="json") for one in kept[first : first + 2]]
        return JSONResponse({"items": items, "next_cursor": str(first + 2) if len(kept) > first + 2 else None})

    def _known(self, request: Request) -> Document:
        doc_id = request.path_params["doc_id"]
        if doc_id not in self.documents:
            raise NotFoundError(f"there is no document {doc_id!r}")
        return self.documents[doc_id]

    async def read(self, request: Request) -> Response:
        known = self._known(request)
        if request.method == "DELETE":
            del self.documents[known.doc_id]
            return JSONResponse({"doc_id": known.doc_id, "chunks": known.chunks})
        return _shown(known)

    async def redo(self, request: Request) -> Response:
        """Say how the document stands; work begins once somebody has looked."""
        known = self._known(request)
        self.due.add(known.doc_id)
        return _shown(known, 202)

    async def stop(self, request: Request) -> Response:
        known = self._known(request)
        self.documents[known.doc_id] = known.model_copy(update={"status": "cancelled"})
        return _shown(self.documents[known.doc_id])

    async def watch(self, request: Request) -> Response:
        known = self._known(request)
        if known.doc_id in self.due:
            self.due.remove(known.doc_id)
            again = {"updated_at": NOW + timedelta(seconds=5), "status": "completed"}
            self.documents[known.doc_id] = known.model_copy(update=again)
            return _streamed(self._document_events([DocumentEvent(document=known)]))
        working = known.model_copy(
            update={"status": "processing", "stage": "extracting", "pages_done": 3, "progress": 20}
        )
        events = [DocumentEvent(document=working, eta_s=31.0), DocumentEvent(document=known)]
        if known.status == "processing":
            events = events[1:]
        return _streamed(self._document_events(events))

    async def _document_events(self, events: list[DocumentEvent]) -> AsyncIterator[bytes]:
        self.at_work += 1
        self.most_at_work = max(self.most_at_work, self.at_work)
        try:
            for number, event in enumerate(events, 1):
                await asyncio.sleep(0.02)
                if self.breaks and number == len(events):
                    self.breaks -= 1
                    raise BrokenOffError
                yield _event(str(number), event)
        finally:
            self.at_work -= 1

    async def ask(self, request: Request) -> Response:
        self.queries.append(await request.json())
        if self.refusal is not None:
            raise self.refusal
        return _streamed(self._run_events(0))

    async def follow(self, request: Request) -> Response:
        after = request.headers.get("last-event-id", "")
        self.resumed_after.append(after)
        return _streamed(self._run_events(int(after or 0)))

    async def _run_events(self, after: int) -> AsyncIterator[bytes]:
        sent = 0
        for number, event in enumerate(self.script, 1):
            if number <= after:
                continue
            if self.breaks and sent == 2:
                self.breaks -= 1
                raise BrokenOffError
            if not self.ends and event.event == "done":
                self.waiting.set()
                await asyncio.sleep(30)
            yield _event(str(number), event)
            sent += 1
        yield b"data: [DONE]\n\n"

    async def read_run(self, request: Request) -> Response:
        text = "".join(event.content for event in self.script if isinstance(event, TokenEvent))
        run = Run(
            query_id=request.path_params["query_id"],
            conversation_id="conv_1",
            query="?",
            status="completed",
            answer=text,
            trace_id="t",
            created_at=NOW,
        )
        return JSONResponse(run.model_dump(mode="json"))

    async def cancel(self, request: Request) -> Response:
        self.cancelled.append(request.path_params["query_id"])
        return await self.read_run(request)


def _shown(shown: Document, status: int = 200) -> Response:
    return JSONResponse(shown.model_dump(mode="json"), status)


def _streamed(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream")


def _event(number: str, event: RunEvent | DocumentEvent) -> bytes:
    data = json.dumps(json.loads(event.model_dump_json(exclude_none=True)))
    return f"id: {number}\nevent: {event.event}\ndata: {data}\n\n".encode()


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, AgentRAGError)
    problem = error.problem()
    return JSONResponse(problem.model_dump(mode="json"), problem.status, media_type="application/problem+json")


@asynccontextmanager
async def serving_folder(host: ToyHost, data: Path) -> AsyncIterator[str]:
    """Serve the host as the running federation of a data folder."""
    async with serving(host.app()) as base_url, FolderLock(data).held(base_url):
        yield base_url
