"""`agentrag ask`: a question, its answer with sources, and exit code 5 when the documents do not answer it."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from cyclopts import Parameter
from pydantic import ValidationError

from hosts.cli.answer import Ending, follow, show_answer, show_timeline
from hosts.cli.api import Api
from hosts.cli.catalog import Catalog, searchable_ids
from hosts.cli.citations import Links
from hosts.cli.console import Console, Exit
from hosts.cli.federation import Reached, connected
from hosts.cli.names import document_names
from hosts.cli.options import FLAG, AsJson, Data, Verbose
from hosts.cli.sse import ServerEvent
from runtime.errors import InvalidInputError
from schemas.chunk import Filters
from schemas.event import RunEvent
from schemas.query import QUESTION_CHARS, Query

LIST_ITEM = Parameter(negative="")


def query_of(question: str, filters: Filters, conversation: str | None) -> Query:
    """The question as the API takes it. Raises InvalidInputError that says which part is wrong."""
    text = question.strip()
    if not 1 <= len(text) <= QUESTION_CHARS:
        raise InvalidInputError(f"the question has {len(text)} characters; write 1 to {QUESTION_CHARS}")
    try:
        return Query(query=text, filters=filters, conversation_id=conversation)
    except ValidationError as error:
        raise InvalidInputError(f"--conversation is no id of a conversation: {error.errors()[0]['msg']}") from error


def filters_of(doc_ids: tuple[str, ...], languages: tuple[str, ...], since: date | None, until: date | None) -> Filters:
    """Which documents to look at. Raises InvalidInputError when no document could pass, or too much is listed."""
    if since and until and since > until:
        raise InvalidInputError(f"--since {since} is after --until {until}; no document is between them")
    try:
        return Filters(doc_ids=doc_ids, languages=languages, since=since, until=until)
    except ValidationError as error:
        fault = error.errors()[0]
        raise InvalidInputError(f"{fault['loc'][0]}: {fault['msg']}; name fewer") from error


async def ask(
    question: Annotated[str, Parameter(help=f"What to ask, up to {QUESTION_CHARS} characters.")],
    /,
    *,
    doc: Annotated[
        list[str] | None,
        LIST_ITEM,
        Parameter(help="Only this document, by id or name; repeatable.", completer=document_names),
    ] = None,
    since: Annotated[date | None, Parameter(help="Only documents dated on or after this day, YYYY-MM-DD.")] = None,
    until: Annotated[date | None, Parameter(help="Only documents dated on or before this day, YYYY-MM-DD.")] = None,
    language: Annotated[
        list[str] | None, LIST_ITEM, Parameter(help="Only documents in this language, e.g. en; repeatable.")
    ] = None,
    conversation: Annotated[str | None, Parameter(help="Id of the conversation to go on with.")] = None,
    as_json: AsJson = False,
    stream: Annotated[
        bool, FLAG, Parameter(help="Print each event of the run as one line of JSON as it comes.")
    ] = False,
    verbose: Verbose = False,
    data: Data = None,
) -> Exit:
    """Ask a question; the answer names the page behind every sentence.

    The answer and its sources go to stdout. Ctrl-C ends the run at the host too.
    """
    if as_json and stream:
        raise InvalidInputError("--json and --stream were both given; choose one")
    console = Console(verbose=verbose)
    query_of(question, Filters(), conversation)  # a wrong question is told before anything is started
    filters_of((), tuple(language or ()), since, until)
    async with connected(data, console) as reached:
        doc_ids = await _doc_ids(reached.api, tuple(doc or ()), console)
        query = query_of(question, filters_of(doc_ids, tuple(language or ()), since, until), conversation)
        if stream:
            return (await _stream(reached.api, query, console)).exit()
        if as_json:
            return await _json(reached.api, query, console)
        return (await _text(reached, query, console)).exit()


async def _doc_ids(api: Api, wanted: tuple[str, ...], console: Console) -> tuple[str, ...]:
    """Ids of the documents that were named; says which of them cannot be searched yet."""
    if not wanted:
        return ()
    chosen = await Catalog(api).all_of(wanted)
    searchable = searchable_ids(chosen)
    for document in chosen:
        if document.doc_id not in searchable:
            console.say(f"warning: {document.filename} is not searchable yet ({document.status})")
    return tuple(document.doc_id for document in chosen)


async def _text(reached: Reached, query: Query, console: Console) -> Ending:
    links = Links(reached.api.base_url if reached.is_lasting and console.shows_links else None)
    return await show_answer(reached.api, query, console, links)


async def _stream(api: Api, query: Query, console: Console) -> Ending:
    def show(raw: ServerEvent, event: RunEvent) -> None:
        if console.verbose:
            show_timeline(console, event)
        console.data(raw.data)

    return await follow(api, query, show)


async def _json(api: Api, query: Query, console: Console) -> Exit:
    ending = await follow(api, query, lambda _, event: show_timeline(console, event))
    console.json((await api.run(ending.query_id)).model_dump(mode="json"))
    return ending.exit()
