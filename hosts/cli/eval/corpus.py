"""The corpus of an evaluation, a folder of files or a file of texts, and the library that the agents make of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hosts.cli.api import Api
from hosts.cli.console import Console, one_line
from hosts.cli.eval.lines import Line, read, refuse_repeats
from hosts.cli.eval.meter import meter
from hosts.cli.eval.queries import Question
from hosts.cli.progress import board
from hosts.cli.uploads import all_at_once, files_of, hand_in
from runtime.errors import ConflictError, InvalidInputError
from schemas.chunk import Filters
from schemas.skills import BatchText


@dataclass
class Library:
    """The corpus as the agents hold it: the documents by its names. What could not be read is under no name."""

    has_pages: bool
    doc_ids: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """The names of each document, in order; the same bytes may go by several."""
        found = defaultdict[str, list[str]](list)
        for name, doc_id in sorted(self.doc_ids.items()):
            found[doc_id].append(name)
        return found

    def filters(self, question: Question) -> Filters | None:
        """What a question may look at; None when nothing of it could be read."""
        if question.scope is None:
            return Filters()
        doc_ids = dict.fromkeys(self.doc_ids[name] for name in question.scope if name in self.doc_ids)
        return Filters(doc_ids=tuple(doc_ids)) if doc_ids else None


@dataclass(frozen=True)
class Folder:
    """Files by their names."""

    files: Mapping[str, Path]

    @property
    def names(self) -> Iterable[str]:
        """What its documents are called."""
        return self.files.keys()

    async def ingested(self, api: Api, console: Console) -> Library:
        """Hand all files in and wait until they are searchable. Raises InvalidInputError when none is."""
        with board(console) as shown:
            acts = [partial(hand_in, api, path, shown, wait=True) for path in self.files.values()]
            outcomes = await all_at_once(acts)
        library = Library(has_pages=True)
        for name, outcome in zip(self.files, outcomes, strict=True):
            if outcome.has_failed or outcome.document is None:
                console.say(f"warning: {one_line(name)} cannot be searched: {outcome.text}")
            else:
                library.doc_ids[name] = outcome.document.doc_id
        return await _checked(library, api)


@dataclass(frozen=True)
class Collection:
    """Texts, each with an id of its own."""

    texts: Mapping[str, BatchText]

    @property
    def names(self) -> Iterable[str]:
        """What its documents are called."""
        return self.texts.keys()

    async def ingested(self, api: Api, console: Console) -> Library:
        """Hand all texts in and wait until they are searchable. Raises InvalidInputError when none is."""
        library = Library(has_pages=False)
        with meter(console, "texts", len(self.texts)) as advance:
            async with aclosing(api.ingest_batch(list(self.texts.values()))) as outcomes:
                async for outcome in outcomes:
                    advance(1)
                    if outcome.doc_id is not None and outcome.status == "completed":
                        library.doc_ids[outcome.id or ""] = outcome.doc_id
                    else:
                        why = outcome.error.detail if outcome.error else outcome.status
                        console.say(f"warning: text {one_line(outcome.id or '')!r} cannot be searched: {one_line(why)}")
        return await _checked(library, api)


Corpus = Folder | Collection


async def _checked(library: Library, api: Api) -> Library:
    """Raises: ConflictError when the agents hold documents that are not of this corpus, which would be found too."""
    known = library.names
    if not known:
        raise InvalidInputError("no document of the corpus can be searched; the warnings above say why")
    others = [
        document.filename
        async for document in api.documents()
        if document.doc_id not in known and document.version_id is not None
    ]
    if others:
        raise ConflictError(
            f"the folder of --keep holds {len(others)} documents that are not of this corpus, such as "
            f"{one_line(others[0])!r}; use one folder for each corpus"
        )
    return library


def corpus_of(path: Path) -> Corpus:
    """A folder of documents, or a file of JSON lines `{"_id", "title"?, "text"}`, plain or gzipped.

    Raises: InvalidInputError that names the line at fault, or says that the folder holds no document.
    """
    if path.is_dir():
        return Folder(_named(path, files_of([path])))
    lines = list(read(path))
    refuse_repeats([(line, str(line.id())) for line in lines])
    return Collection({str(line.id()): _text(line) for line in lines})


def _named(folder: Path, files: Sequence[Path]) -> dict[str, Path]:
    """Each file by its own name, or by its path in the folder where several have that name."""
    counts = Counter(file.name for file in files)
    return {file.name if counts[file.name] == 1 else file.relative_to(folder).as_posix(): file for file in files}


def _text(line: Line) -> BatchText:
    title = line.fields.get("title")
    if title is not None and not isinstance(title, str):
        raise line.fault("'title' is no text; write one in quotes, or leave it out")
    return BatchText(id=str(line.id()), title=title or None, text=line.text("text"))
