"""Take many short texts in: each becomes a document of its own, and they go through the same work side by side."""

from __future__ import annotations

import asyncio
from pathlib import PurePosixPath

from runtime import filekinds
from runtime.call import Call
from runtime.errors import AgentRAGError
from schemas.document import Document
from schemas.skills import BatchOutcome, BatchText, Progress
from servers.ingestion.actor import Actors

UNNAMED = "text"
NAME_CHARS = 120
"""Characters of a title that become a name."""


async def ingest(texts: tuple[BatchText, ...], actors: Actors, call: Call) -> tuple[BatchOutcome, ...]:
    """What became of each text, in order; one that is refused or fails does not stop the others."""
    room = asyncio.Semaphore(actors.settings.small_documents_at_once)
    first = _firsts(texts)
    taken = {line: asyncio.Event() for line in first.values()}
    done = 0

    async def take(line: int, text: BatchText) -> BatchOutcome:
        nonlocal done
        original = first[body_of(text)]
        if original != line:  # the same bytes are one document, and the first line names it
            await taken[original].wait()
        try:
            async with room:
                outcome, document = await _outcome(line, text, actors, call)
        finally:
            taken[original].set()
        done += 1
        await call.emit(Progress(message=outcome.status, done=done, total=len(texts), document=document))
        return outcome

    return tuple(await asyncio.gather(*(take(line, text) for line, text in enumerate(texts, 1))))


def _firsts(texts: tuple[BatchText, ...]) -> dict[bytes, int]:
    """The line on which each body stands first."""
    return {body_of(text): line for line, text in reversed(list(enumerate(texts, 1)))}


async def _outcome(line: int, text: BatchText, actors: Actors, call: Call) -> tuple[BatchOutcome, Document | None]:
    try:
        document, is_new = await actors.take_in(call.caller.tenant, name_of(text), body_of(text), stop=call.stop)
    except AgentRAGError as error:
        return BatchOutcome(line=line, id=text.id, status="failed", error=error.problem()), None
    found = BatchOutcome(
        line=line,
        id=text.id,
        doc_id=document.doc_id,
        status=document.status,
        is_new=is_new,
        error=document.error,
    )
    return found, document


def name_of(text: BatchText) -> str:
    """Its file name, else its id or the beginning of its title, as that of a text."""
    if text.filename:
        return text_name(text.filename)
    said = text.id or (text.title or "")[:NAME_CHARS].rstrip(" .") or UNNAMED
    return f"{said.replace('/', '_').replace(chr(92), '_')}.txt"


def text_name(filename: str) -> str:
    """A name whose ending says how the text is read; plain text where it says nothing."""
    return filename if PurePosixPath(filename).suffix.lower() in filekinds.MEDIA_TYPES else f"{filename}.txt"


def body_of(text: BatchText) -> bytes:
    """The bytes of the document: the title on top, unless the text begins with it."""
    title = (text.title or "").strip()
    begins_with_it = text.text.lstrip().startswith(title)
    return (text.text if begins_with_it else f"{title}\n\n{text.text}").encode("utf-8", "replace")
