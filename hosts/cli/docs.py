"""`agentrag docs`: list, show, remove and reprocess documents."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from cyclopts import Parameter

from hosts.cli.catalog import Catalog
from hosts.cli.console import Console, Exit, one_line, table
from hosts.cli.federation import connected
from hosts.cli.ingest import report
from hosts.cli.names import document_names
from hosts.cli.options import FLAG, AsJson, Data, NoWait, Verbose
from hosts.cli.progress import board, counted, spoken_size, state
from hosts.cli.uploads import all_at_once, redo
from schemas.document import Document

Name = Annotated[str, Parameter(help="Id or file name of the document.", completer=document_names)]
Names = Annotated[list[str], Parameter(help="Ids or file names of documents.", completer=document_names)]

Yes = Annotated[bool, FLAG, Parameter(name=["--yes", "-y"], help="Don't ask before several are removed.")]


def row(document: Document) -> tuple[str, ...]:
    """A document in a line of the list."""
    return (
        document.doc_id,
        document.filename,
        state(document),
        spoken_size(document.size_bytes),
        f"{document.created_at:%Y-%m-%d %H:%M}",
    )


def details(document: Document) -> list[tuple[str, str]]:
    """What is known about a document, unknown things left out."""
    told = {
        "id": document.doc_id,
        "name": document.filename,
        "state": state(document),
        "title": document.title,
        "author": document.author,
        "date": f"{document.date:%Y-%m-%d}" if document.date else None,
        "language": document.language,
        "pages": document.pages,
        "page numbers": None if document.paging == "exact" else document.paging,
        "chunks": document.chunks,
        "size": spoken_size(document.size_bytes),
        "type": document.media_type,
        "sha256": document.sha256,
        "version": document.version_id,
        "added": f"{document.created_at:%Y-%m-%d %H:%M:%S %Z}",
        "changed": f"{document.updated_at:%Y-%m-%d %H:%M:%S %Z}",
    }
    lines = [(name, one_line(str(value))) for name, value in told.items() if value not in (None, "")]
    return [*lines, *(("warning", one_line(warning)) for warning in document.warnings)]


async def ls(
    words: Annotated[list[str] | None, Parameter(help="Only documents whose name holds one of these words.")] = None,
    /,
    *,
    status: Annotated[
        Literal["pending", "processing", "completed", "failed", "cancelled"] | None,
        Parameter(help="Only documents that stand so."),
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> Exit:
    """List documents, newest first."""
    console = Console()
    async with connected(data, console) as reached:
        documents = [
            document
            async for document in reached.api.documents(status)
            if not words or any(word.casefold() in document.filename.casefold() for word in words)
        ]
    if as_json:
        console.json({"documents": [document.model_dump(mode="json") for document in documents]})
    elif documents:
        console.data(table(("ID", "NAME", "STATE", "SIZE", "ADDED"), [row(document) for document in documents]))
    elif words or status:
        console.tell("There is no such document; `agentrag docs ls` lists all of them")
    else:
        console.tell("There are no documents; hand some in with `agentrag ingest FILE...`")
    return Exit.OK


async def show(document: Name, /, *, as_json: AsJson = False, data: Data = None) -> Exit:
    """Show what is known about a document."""
    console = Console()
    async with connected(data, console) as reached:
        (found,) = await Catalog(reached.api).one_each([document])
    if as_json:
        console.json(found.model_dump(mode="json"))
    else:
        for name, value in details(found):
            console.data(f"{name:<13} {value}")
    return Exit.OK


async def rm(documents: Names, /, *, yes: Yes = False, as_json: AsJson = False, data: Data = None) -> Exit:
    """Remove documents and everything made from them: originals, pages, vectors."""
    console = Console()
    async with connected(data, console) as reached:
        found = await Catalog(reached.api).one_each(documents)
        named = ", ".join(document.filename for document in found)
        if len(found) > 1 and not yes and not await console.confirms(f"Remove {len(found)} documents ({named})?"):
            console.say("Nothing was removed.")
            return Exit.FAILED
        removed = [(document, await reached.api.delete(document.doc_id)) for document in found]
    if as_json:
        console.json({"removed": [deleted.model_dump(mode="json") for _, deleted in removed]})
    else:
        for document, deleted in removed:
            console.data(
                f"removed {one_line(document.filename)} ({deleted.doc_id}, {counted(deleted.chunks, 'chunk')})"
            )
    return Exit.OK


async def cancel(documents: Names, /, *, as_json: AsJson = False, data: Data = None) -> Exit:
    """Stop the ingestion of documents; those that are searchable already stay so."""
    console = Console()
    async with connected(data, console) as reached:
        found = await Catalog(reached.api).one_each(documents)
        stopped = [await reached.api.cancel_document(document.doc_id) for document in found]
    if as_json:
        console.json({"documents": [document.model_dump(mode="json") for document in stopped]})
    else:
        console.data(table(("ID", "NAME", "STATE"), [row(document)[:3] for document in stopped]))
    return Exit.OK


async def reprocess(
    documents: Names,
    /,
    *,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    data: Data = None,
) -> Exit:
    """Make documents searchable anew; searches use the earlier version until then."""
    console = Console(verbose=verbose)
    async with connected(data, console) as reached:
        found = await Catalog(reached.api).one_each(documents)
        with board(console) as shown:
            outcomes = await all_at_once(
                [partial(redo, reached.api, document, shown, wait=not no_wait) for document in found]
            )
    return report(outcomes, console, as_json=as_json)
