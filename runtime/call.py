"""What a skill is given besides its input, and how functions are bound to specs."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from runtime.caller import Caller
from runtime.settings import Settings
from schemas.message import Message
from schemas.skills import Progress, SkillSpec, Token

if TYPE_CHECKING:
    from runtime.backends import Backends

I = TypeVar("I", bound=Message)
O = TypeVar("O", bound=Message)
S = TypeVar("S", bound=Settings)

Emit = Callable[[Token | Progress], Awaitable[None]]


async def silence(_: Token | Progress) -> None:
    """Emit to nobody."""


@dataclass
class Stop:
    """Tells a function that is cut off why: its caller cancelled it, or left, or this process closes or time is up."""

    reason: Literal["cancelled", "left", "closing"] = "closing"


@dataclass(frozen=True)
class Call:
    """One call of a skill: who asks, what it may use, and where to send what comes before the result."""

    caller: Caller
    on: Backends
    emit: Emit = silence
    key: str = ""
    """Idempotency key of the call; the same for a repeated one."""
    settings: Settings | None = None
    """What the agent was made with."""
    stop: Stop = field(default_factory=Stop)

    def knobs(self, kind: type[S]) -> S:
        """The agent's own settings; those of the environment where none of that kind came with the call."""
        return self.settings if isinstance(self.settings, kind) else kind.beside(self.on)


SkillFunction = Callable[[I, Call], Awaitable[O]]


@dataclass(frozen=True)
class BoundSkill:
    """A spec with the function that does it."""

    spec: SkillSpec[Any, Any]
    function: Callable[[Any, Call], Awaitable[Any]]

    @property
    def description(self) -> str:
        """The function's docstring: product text, for a model reads it to choose."""
        return inspect.getdoc(self.function) or inspect.getdoc(self.spec.input) or ""


ResourceFunction = Callable[..., Awaitable[Message]]


@dataclass(frozen=True)
class BoundResource:
    """Something readable under a URI template, e.g. `page://{doc_id}/{page}`; the function gets the parts by name."""

    uri: str
    scopes: frozenset[str]
    function: ResourceFunction


ViewFunction = Callable[[], str]


@dataclass(frozen=True)
class BoundView:
    """A page that shows results to people inside an MCP client (MCP Apps), read under a `ui://` URI.

    It is one self-contained HTML document. `calls` are the skills that it calls itself, by the names of the tools that
    are there for it alone.
    """

    uri: str
    calls: Mapping[str, BoundSkill]
    function: ViewFunction

    @property
    def description(self) -> str:
        """The function's docstring."""
        return inspect.getdoc(self.function) or ""


class Skills:
    """The skills, resources and views of one agent, in the order they were bound."""

    def __init__(self) -> None:
        self.bound: dict[str, BoundSkill] = {}
        self.resources: list[BoundResource] = []
        self.views: list[BoundView] = []

    def skill(self, spec: SkillSpec[I, O]) -> Callable[[SkillFunction[I, O]], SkillFunction[I, O]]:
        """Bind the decorated function to `spec`."""

        def bind(function: SkillFunction[I, O]) -> SkillFunction[I, O]:
            self.bound[spec.id] = BoundSkill(spec, function)
            return function

        return bind

    def resource(self, uri: str, scopes: frozenset[str]) -> Callable[[ResourceFunction], ResourceFunction]:
        """Serve the decorated `async def f(call: Call, part: str, ...) -> Message` under the URI template."""

        def bind(function: ResourceFunction) -> ResourceFunction:
            self.resources.append(BoundResource(uri, scopes, function))
            return function

        return bind

    def view(self, uri: str, calls: Mapping[str, SkillSpec[Any, Any]]) -> Callable[[ViewFunction], ViewFunction]:
        """Serve the HTML that the decorated `def f() -> str` returns under `uri`.

        Skills whose spec names the URI as their `view` are shown by it. Each of `calls` is a skill bound before, served
        once more as a tool of that name which is hidden from models.
        """

        def bind(function: ViewFunction) -> ViewFunction:
            self.views.append(BoundView(uri, {name: self.bound[spec.id] for name, spec in calls.items()}, function))
            return function

        return bind
