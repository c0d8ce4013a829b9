"""The HTTP API as the commands use it: documents, questions and their events; problems become errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
from pydantic import ValidationError

from hosts.cli.sse import Parser, ServerEvent
from runtime.errors import (
    AgentRAGError,
    AgentUnavailableError,
    InternalError,
    InvalidInputError,
    from_problem,
)
from runtime.resilience import Backoff
from schemas.document import Document, Documents
from schemas.event import Accepted, DocumentEvent
from schemas.message import Message
from schemas.problem import Problem
from schemas.query import Query, Run
from schemas.skills import BatchOutcome, BatchText, Deleted

TERMINAL = frozenset({"completed", "failed", "cancelled"})
SILENCE_SECONDS = 60.0
"""Longest silence of a request; event streams are pinged far more often."""
ANSWER_SECONDS = 300.0
"""Longest wait for an answer that comes in one piece."""
BATCH_SECONDS = 600.0
"""Longest silence while a group of texts is made searchable."""
RECONNECT = Backoff(attempts=6, first_seconds=0.2)
"""When a broken event stream is taken up again; each new event begins it anew."""
URL_BYTES = 2000
"""Longest link that terminals take."""

M = TypeVar("M", bound=Message)


class CountingFile(BufferedReader):
    """A file that tells how many of its bytes have been read."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(FileIO(path))
        self._on_bytes = on_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, and tell the position."""
        piece = super().read(size)
        self._on_bytes(self.tell())
        return piece


def problem_of(response: httpx.Response) -> AgentRAGError:
    """The error that a read response tells of; a body that is no problem is quoted in part."""
    try:
        return from_problem(Problem.model_validate_json(response.content))
    except ValidationError:
        said = response.text[:200].strip() or "nothing"
        return InternalError(f"{response.request.method} {response.request.url} gave {response.status_code}: {said}")


def parsed(kind: type[M], content: str | bytes) -> M:
    """`content` as a message. Raises InternalError when the host speaks another version of the API."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise InternalError(
            f"the host sent a {kind.__name__} that is not understood ({error.error_count()} faults); "
            "use one version of agentrag for `up` and for this command"
        ) from error


class Api:
    """A client of one host."""

    def __init__(self, client: httpx.AsyncClient, backoff: Backoff = RECONNECT) -> None:
        self._client = client
        self._backoff = backoff
        self.base_url = str(client.base_url).rstrip("/")

    @classmethod
    @asynccontextmanager
    async def at(cls, base_url: str, backoff: Backoff = RECONNECT) -> AsyncIterator[Self]:
        """A client of the host at `base_url`; proxies of the environment are not used."""
        timeout = httpx.Timeout(SILENCE_SECONDS, pool=None)
        async with httpx.AsyncClient(base_url=base_url, timeout=timeout, trust_env=False) as client:
            yield cls(client, backoff)

    # documents

    async def upload(self, path: Path, on_bytes: Callable[[int], None] = lambda _: None) -> tuple[Document, bool]:
        """Hand a file in; `on_bytes` hears how many of its bytes have gone. False when these bytes are known already.

        Raises: InvalidInputError when the file cannot be read.
        """
        try:
            with CountingFile(path, on_bytes) as file:
                parts = {"file": (path.name, file, "application/octet-stream")}
                response = await self._send("POST", "/v1/documents", files=parts)
        except OSError as error:
            raise InvalidInputError(f"{path} cannot be read: {error.strerror}; see its path and its rights") from error
        return parsed(Document, response.content), response.status_code == httpx.codes.ACCEPTED

    async def ingest_batch(self, texts: Sequence[BatchText]) -> AsyncGenerator[BatchOutcome]:
        """Hand texts in and have them made searchable; what became of each comes in their order as it is known."""
        lines = "".join(text.model_dump_json(exclude_none=True) + "\n" for text in texts)
        headers = {"Content-Type": "application/x-ndjson"}
        timeout = httpx.Timeout(SILENCE_SECONDS, read=BATCH_SECONDS, pool=None)
        request = self._client.stream(
            "POST", "/v1/documents/batch", content=lines.encode(), headers=headers, timeout=timeout
        )
        try:
            async with request as response:
                if response.is_error:
                    await response.aread()
                    raise problem_of(response)
                async for line in response.aiter_lines():
                    yield parsed(BatchOutcome, line)
        except httpx.TransportError as error:
            raise self._unreached(error) from error

    async def document(self, doc_id: str) -> Document:
        """A document as it stands. Raises NotFoundError."""
        return parsed(Document, (await self._send("GET", _document(doc_id))).content)

    async def documents(self, status: str | None = None) -> AsyncGenerator[Document]:
        """All documents, newest first."""
        asked = {"limit": "100"} | ({"status": status} if status else {})
        while True:
            page = parsed(Documents, (await self._send("GET", "/v1/documents", params=asked)).content)
            for document in page.items:
                yield document
            if page.next_cursor is None:
                return
            asked["cursor"] = page.next_cursor

    async def delete(self, doc_id: str) -> Deleted:
        """Remove a document and everything made from it. Raises NotFoundError."""
        return parsed(Deleted, (await self._send("DELETE", _document(doc_id))).content)

    async def reprocess(self, doc_id: str) -> Document:
        """Make a document searchable anew. Raises NotFoundError."""
        return parsed(Document, (await self._send("POST", f"{_document(doc_id)}/reprocess")).content)

    async def cancel_document(self, doc_id: str) -> Document:
        """Stop a document's ingestion. Raises NotFoundError."""
        return parsed(Document, (await self._send("POST", f"{_document(doc_id)}/cancel")).content)

    async def watch(self, doc_id: str) -> AsyncGenerator[DocumentEvent]:
        """How far a document has come, until it has ended; a stream that breaks is taken up again."""

        def opened(_: str) -> AsyncGenerator[ServerEvent]:
            return self._events("GET", f"{_document(doc_id)}/events")

        async with aclosing(self._lasting(opened)) as events:
            async for event in events:
                progress = parsed(DocumentEvent, event.data)
                yield progress
                if progress.document.status in TERMINAL:
                    return

    # questions

    async def ask(self, query: Query) -> AsyncGenerator[ServerEvent]:
        """The events of a new run up to `done`; a stream that breaks is taken up where it broke."""
        path, body = "", query.model_dump_json(exclude_none=True)

        def opened(last_id: str) -> AsyncGenerator[ServerEvent]:
            if path:
                return self._events("GET", f"{path}/events", {"Last-Event-ID": last_id})
            return self._events("POST", "/v1/queries", {"Content-Type": "application/json"}, body)

        async with aclosing(self._lasting(opened)) as events:
            async for event in events:
                if event.event == "accepted":
                    path = f"/v1/queries/{_quoted(parsed(Accepted, event.data).query_id)}"
                yield event
                if event.event == "done":
                    return

    async def answered(self, query: Query) -> Run:
        """Ask, and wait for the finished run."""
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        timeout = httpx.Timeout(SILENCE_SECONDS, read=ANSWER_SECONDS, pool=None)
        body = query.model_dump_json(exclude_none=True)
        response = await self._send("POST", "/v1/queries", content=body, headers=headers, timeout=timeout)
        return parsed(Run, response.content)

    async def run(self, query_id: str) -> Run:
        """A run as it stands. Raises NotFoundError."""
        return parsed(Run, (await self._send("GET", f"/v1/queries/{_quoted(query_id)}")).content)

    async def cancel_run(self, query_id: str) -> Run:
        """End a run. Raises NotFoundError."""
        return parsed(Run, (await self._send("POST", f"/v1/queries/{_quoted(query_id)}/cancel")).content)

    # the wire

    async def _send(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise self._unreached(error) from error
        if response.is_error:
            raise problem_of(response)
        return response

    async def _lasting(self, opened: Callable[[str], AsyncGenerator[ServerEvent]]) -> AsyncGenerator[ServerEvent]:
        """Events over as many connections as it takes, until the reader has enough.

        `opened` is given the id of the last event, none at first. Raises: AgentUnavailableError when nothing comes at
        the first try, or nothing new within the back-off.
        """
        last, waits = None, self._backoff.waits()
        while True:
            try:
                async with aclosing(opened(last.id if last else "")) as events:
                    async for event in events:
                        if event.data == "[DONE]":
                            break
                        if event != last:
                            last, waits = event, self._backoff.waits()
                        yield event
            except AgentUnavailableError:
                if last is None or not waits:
                    raise
            if last is None or not waits:
                raise AgentUnavailableError(f"the host at {self.base_url} ends its events too early; see its log")
            await asyncio.sleep(waits.pop(0))

    async def _events(
        self, method: str, path: str, headers: dict[str, str] | None = None, content: str | None = None
    ) -> AsyncGenerator[ServerEvent]:
        """The events of one connection."""
        asked = {"Accept": "text/event-stream", **(headers or {})}
        parser = Parser()
        try:
            async with self._client.stream(method, path, headers=asked, content=content) as response:
                if response.is_error:
                    await response.aread()
                    raise problem_of(response)
                async for piece in response.aiter_bytes():
                    for event in parser.feed(piece):
                        yield event
        except httpx.TransportError as error:
            raise self._unreached(error) from error

    def _unreached(self, error: httpx.TransportError) -> AgentUnavailableError:
        reason = str(error) or type(error).__name__
        return AgentUnavailableError(
            f"the host at {self.base_url} does not answer ({reason}); see its log, or start it again with `agentrag up`"
        )


def page_url(base_url: str, doc_id: str, page: int, words: str | None = None) -> str:
    """Where the picture of a page is, with `words` in yellow unless they would make the link too long."""
    plain = f"{base_url}/v1/documents/{_quoted(doc_id)}/pages/{page}/image"
    lit = f"{plain}?{urlencode({'quote': words})}" if words else plain
    return lit if len(lit) <= URL_BYTES else plain


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _document(doc_id: str) -> str:
    return f"/v1/documents/{_quoted(doc_id)}"
