"""Operations: one table of what the HTTP API offers, from which its routes and the document of them are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from hosts.orchestrator.host import Host
from hosts.orchestrator.parameters import P, Parameters, Seen, Unchanged, declared
from hosts.orchestrator.representation import names
from runtime.caller import Caller
from runtime.errors import (
    AgentRAGError,
    AgentUnavailableError,
    DeadlineError,
    ForbiddenError,
    InternalError,
    InvalidInputError,
    MalformedRequestError,
    NotFoundError,
    RateLimitError,
    StaleError,
    StoreUnavailableError,
    TooLargeError,
    UnauthenticatedError,
)
from runtime.invocation import invalid
from schemas.message import Message

M = TypeVar("M", bound=Message)
JSON = "application/json"
FORM = "multipart/form-data"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Exchange(Generic[P]):
    """One request on its way through an operation; `given` are its parameters."""

    host: Host
    request: Request
    given: P

    @property
    def caller(self) -> Caller:
        """Who asks; the door has made sure that there is one, but for public operations."""
        caller: Caller = self.request.scope["caller"]
        return caller

    @property
    def media_type(self) -> str:
        """What the body says that it is, without parameters."""
        return self.request.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def line(self) -> str:
        """Method and path: what is asked of which resource."""
        return f"{self.request.method} {self.request.url.path}"

    async def message(self, kind: type[M]) -> M:
        """The JSON body. Raises MalformedRequestError, or InvalidInputError that names each faulty field."""
        try:
            raw = await self.request.json()
        except (ValueError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequestError(f"the body is not JSON: {str(error)[:200]}; send {JSON}") from error
        try:
            return kind.model_validate(raw)
        except ValidationError as error:
            raise invalid(error, f"the body is not a {kind.__name__}") from error

    def has(self, etag: str) -> bool:
        """Whether the client has the representation with this tag."""
        return isinstance(self.given, Seen) and names(self.given.if_none_match, etag, weakly=True)


Handler = Callable[[Exchange[Any]], Awaitable[Response]]


@dataclass(frozen=True)
class Upload:
    """A form with one file in the part `file`."""

    media_types: tuple[str, ...]


@dataclass(frozen=True)
class Lines:
    """A body of many messages, one a line."""

    message: type[Message]


@dataclass(frozen=True)
class Events:
    """What streams as Server-Sent Events; `closing` is the data of the last one, which is no JSON and has no name."""

    messages: tuple[type[Message], ...]
    closing: str = ""


@dataclass(frozen=True)
class Reply:
    """One way in which an operation ends well, with its representations and the headers it adds."""

    says: str
    status: int = 200
    message: type[Message] | None = None
    events: Events | None = None
    lines: type[Message] | None = None
    files: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One thing the API offers. Without a `handler` it is served by the AgentServer, as by every agent."""

    method: str
    path: str
    name: str
    summary: str
    handler: Handler | None
    replies: Sequence[Reply]
    tag: str
    parameters: type[Parameters] = Parameters
    bodies: Mapping[str, type[Message] | Upload | Lines] = field(default_factory=dict)
    examples: Mapping[str, Any] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    raises: tuple[type[AgentRAGError], ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether nobody has to say who asks; all below /v1 asks for a caller."""
        return not self.path.startswith("/v1/")

    @property
    def errors(self) -> tuple[type[AgentRAGError], ...]:
        """The problems that it may answer with: those of every operation, of its parts, and its own."""
        found: list[type[AgentRAGError]] = [InternalError, *self.raises]
        if not self.is_public:
            found += [UnauthenticatedError, ForbiddenError, RateLimitError]
            found += [StoreUnavailableError, AgentUnavailableError, DeadlineError]
        if self.handler is not None:
            found.append(InvalidInputError)
        if any(at.place == "path" for at in declared(self.parameters).values()):
            found.append(NotFoundError)
        if issubclass(self.parameters, Unchanged):
            found.append(StaleError)
        if self.bodies:
            found += [MalformedRequestError, TooLargeError]
        return tuple(dict.fromkeys(found))
