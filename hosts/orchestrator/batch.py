"""Batches: many short texts, one JSON object a line, checked as a whole and then ingested group by group."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO

from pydantic import ValidationError

from hosts.orchestrator.host import Host
from hosts.orchestrator.progress import DocumentStream
from runtime.caller import Caller
from runtime.errors import AgentRAGError, AgentUnavailableError, InvalidInputError, MalformedRequestError
from runtime.invocation import invalid
from schemas.skills import BATCH_TEXTS, INGEST_BATCH, BatchIngested, BatchOutcome, BatchText, IngestBatch, Progress

MEMORY_BYTES = 1024 * 1024
"""What of a batch is held in memory; the rest waits on disk."""
GROUP_BYTES = 1024 * 1024
"""Bytes of lines after which a group is closed, unless it has as many texts as one call takes."""

GROUPS_AT_ONCE = 2
"""Groups that ingestion is at work on."""

Numbered = tuple[int, BatchText]


class Batch:
    """The texts of one request."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    @contextmanager
    def spooled(cls) -> Iterator[Batch]:
        """An empty one; what it holds is gone afterwards."""
        with SpooledTemporaryFile(MEMORY_BYTES) as file:
            yield cls(file)

    async def fill(self, body: AsyncIterator[bytes]) -> None:
        """Take the whole body in and check every line, so that nothing is ingested of a batch with a fault.

        Raises: MalformedRequestError or InvalidInputError that names the line.
        """
        async for piece in body:
            await asyncio.to_thread(self._file.write, piece)
        if await asyncio.to_thread(lambda: sum(1 for _ in self._texts())) == 0:
            raise InvalidInputError("the batch has no lines; send one JSON object with a text on each")

    def groups(self) -> Iterator[list[Numbered]]:
        """The texts with their line numbers, as many together as one call takes."""
        group: list[Numbered] = []
        size = 0
        for number, text in self._texts():
            if group and (len(group) == BATCH_TEXTS or size + len(text.text) > GROUP_BYTES):
                yield group
                group, size = [], 0
            group.append((number, text))
            size += len(text.text)
        if group:
            yield group

    def _texts(self) -> Iterator[Numbered]:
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            if line.strip():
                yield number, _text(number, line)


def _text(number: int, line: bytes) -> BatchText:
    try:
        return BatchText.model_validate_json(line)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedRequestError(f"line {number} is not JSON; send one object with a text a line") from error
        raise invalid(error, f"line {number} is no text of a batch") from error


async def ingested(host: Host, caller: Caller, batch: Batch) -> AsyncIterator[BatchOutcome]:
    """What became of each line, in order; the next group begins before the last texts of one are done."""
    groups = batch.groups()
    under_way: deque[asyncio.Task[list[BatchOutcome]]] = deque()
    try:
        while True:
            for group in islice(groups, GROUPS_AT_ONCE - len(under_way)):
                under_way.append(asyncio.create_task(_outcomes(host, caller, group)))
            if not under_way:
                return
            for outcome in await under_way.popleft():
                yield outcome
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _outcomes(host: Host, caller: Caller, group: list[Numbered]) -> list[BatchOutcome]:
    """What became of the lines of a group; where ingestion goes away, they say so."""
    try:
        outcomes = await _group(host, caller, [text for _, text in group])
    except AgentRAGError as error:
        problem = error.problem(caller.trace)
        return [BatchOutcome(line=number, id=text.id, status="failed", error=problem) for number, text in group]
    numbered = zip(group, outcomes, strict=True)
    return [outcome.model_copy(update={"line": number}) for (number, _), outcome in numbered]


async def _group(host: Host, caller: Caller, texts: list[BatchText]) -> tuple[BatchOutcome, ...]:
    """Have a group ingested, and tell the watchers of each document."""
    async with aclosing(host.client.stream(INGEST_BATCH, IngestBatch(texts=tuple(texts)), caller)) as items:
        async for item in items:
            match item:
                case Progress(document=document) if document is not None:
                    await DocumentStream(host, caller.tenant, document.doc_id).publish(document)
                case BatchIngested():
                    return item.outcomes
    raise AgentUnavailableError("ingestion ended without telling what became of the texts; send the rest again")
