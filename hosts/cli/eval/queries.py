"""Questions of an evaluation, from a file of JSON lines; nothing but id, question and scope is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from hosts.cli.eval.lines import Line, read, refuse_repeats, shown
from runtime.errors import InvalidInputError
from schemas.query import QUESTION_CHARS

SCOPE_NAMES = 100
"""Most documents that one question may be about; a filter takes no more."""


@dataclass(frozen=True)
class Question:
    """One question. `scope` names the documents that it is about; None is the whole library."""

    id: str | int
    text: str
    scope: tuple[str, ...] | None
    line: Line

    def asked(self) -> str:
        """Its text as agents take it. Raises InvalidInputError for one that is too long."""
        if len(self.text) > QUESTION_CHARS:
            raise InvalidInputError(f"the question has {len(self.text)} characters, the limit is {QUESTION_CHARS}")
        return self.text


def questions_of(path: Path, names: Iterable[str]) -> Sequence[Question]:
    """The questions of a file in order, their scopes in `names` of the corpus.

    Raises: InvalidInputError that names the line at fault.
    """
    found = [_question(line) for line in read(path)]
    refuse_repeats([(question.line, question.id) for question in found])
    known = list(names)
    return [replace(question, scope=_meant(question, known)) for question in found]


def _meant(question: Question, known: Sequence[str]) -> tuple[str, ...] | None:
    """Names of the corpus by what the scope says: the name, else its last part, whatever its case or ending."""
    if question.scope is None:
        return None
    meant: dict[str, None] = {}
    for wanted in question.scope:
        found = [wanted] if wanted in known else [name for name in known if plain(name) == plain(wanted)]
        if not found:
            raise question.line.fault(f"'scope' names {shown(wanted)}, which is not in the corpus; use the names in it")
        meant |= dict.fromkeys(found)
    if len(meant) > SCOPE_NAMES:
        raise question.line.fault(f"'scope' means {len(meant)} documents, the limit is {SCOPE_NAMES}; name fewer")
    return tuple(meant)


def plain(name: str) -> str:
    """The last part of a name without the ending of a PDF, whatever its case."""
    path = PurePosixPath(name.replace("\\", "/"))
    return (path.stem if path.suffix.lower() == ".pdf" else path.name).casefold()


def _question(line: Line) -> Question:
    text = line.text("question", "text").strip()
    if not text:
        raise line.fault("the question is empty; write one or remove the line")
    return Question(line.id(), text, _scope(line), line)


def _scope(line: Line) -> tuple[str, ...] | None:
    value = line.fields.get("scope")
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise line.fault(f"'scope' is {shown(value)}; write null for all documents, or a list of names")
    return tuple(value)
