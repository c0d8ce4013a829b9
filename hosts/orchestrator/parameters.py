"""Parameters: declared once as the fields of a message, read from path, query and headers, told in the document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError
from starlette.requests import Request

from runtime.errors import InvalidInputError, NotFoundError
from schemas.message import Message
from schemas.problem import Flaw

SHOWN_CHARS = 40
"""How much of a bad value a problem repeats."""


@dataclass(frozen=True)
class At:
    """Where a parameter stands in a request, and its name there when it is not that of the field."""

    place: Literal["path", "query", "header"]
    name: str = ""


PATH = At("path")
QUERY = At("query")


class Parameters(Message):
    """What an operation takes besides its body. Each field says where it stands by an `At` in its annotation."""


class Seen(Parameters):
    """For what can be read again."""

    if_none_match: Annotated[
        str,
        At("header", "If-None-Match"),
        Field(max_length=4096, description="`ETag`s that you have; 304 when one of them still holds."),
    ] = ""


class Unchanged(Parameters):
    """For changes of something that others may change too."""

    if_match: Annotated[
        str,
        At("header", "If-Match"),
        Field(max_length=4096, description="The `ETag` of what you saw; 412 when it has changed since."),
    ] = ""


class Once(Parameters):
    """For requests that must not be done twice. Source: draft-ietf-httpapi-idempotency-key-header."""

    idempotency_key: Annotated[
        str,
        At("header", "Idempotency-Key"),
        Field(
            max_length=200,
            pattern=r"^[\x21-\x7e]*$",
            description="A word of your own for this request. Sent again within 24 hours it is not done again: "
            "the first response comes back. 422 with another request, 409 while the first is being taken in.",
        ),
    ] = ""


class Resumed(Parameters):
    """For streams that can be taken up where they broke."""

    last_event_id: Annotated[
        str,
        At("header", "Last-Event-ID"),
        Field(max_length=64, description="The `id` of the last event that arrived; what came after it follows."),
    ] = ""


P = TypeVar("P", bound=Parameters)


@cache
def declared(kind: type[Parameters]) -> Mapping[str, At]:
    """Where each field of `kind` stands, with its name there."""
    found = {}
    for field, info in kind.model_fields.items():
        at = next(mark for mark in info.metadata if isinstance(mark, At))
        found[field] = At(at.place, at.name or field)
    return found


def read(kind: type[P], request: Request) -> P:
    """The parameters of a request.

    Raises: NotFoundError for a path that no resource can have; InvalidInputError for other values outside their limits,
    and for names that are not known or come twice.
    """
    places = declared(kind)
    _refuse_strangers(request, {at.name for at in places.values() if at.place == "query"})
    sources = {"path": request.path_params, "query": request.query_params, "header": request.headers}
    raw = {field: sources[at.place][at.name] for field, at in places.items() if at.name in sources[at.place]}
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise _worded(error, places, raw) from error


def _refuse_strangers(request: Request, known: set[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            choice = f"known are {', '.join(sorted(known))}" if known else "none is known here"
            raise _refused(name, f"there is no parameter {name[:SHOWN_CHARS]!r}; {choice}")
        if name in seen:
            raise _refused(name, f"{name} comes twice; give it once")
        seen.add(name)


def _refused(name: str, text: str) -> InvalidInputError:
    return InvalidInputError(text, flaws=[Flaw(pointer=f"/query/{name[:SHOWN_CHARS]}", detail=text)])


def _worded(
    error: ValidationError, places: Mapping[str, At], raw: Mapping[str, str]
) -> NotFoundError | InvalidInputError:
    flaws, words = [], []
    kind: type[NotFoundError | InvalidInputError] = InvalidInputError
    for found in error.errors(include_url=False, include_input=False, include_context=False):
        field = str(found["loc"][0])
        at = places[field]
        flaws.append(Flaw(pointer=f"/{at.place}/{at.name}", detail=found["msg"]))
        words.append(f"{at.name} is {raw.get(field, '')[:SHOWN_CHARS]!r}: {found['msg']}")
        if at.place == "path":
            kind = NotFoundError
    return kind("; ".join(words), flaws=flaws)
