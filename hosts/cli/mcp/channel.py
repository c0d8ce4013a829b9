"""The HTTP side of a relay: one MCP server over streamable HTTP, of the current revisions and of older ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from hosts.cli.mcp.message import ACCEPTED, Message, answer_line, one_line, routing_headers
from hosts.cli.mcp.mirrors import Mirrors
from hosts.cli.sse import Parser
from runtime.errors import (
    AgentRAGError,
    AgentUnavailableError,
    DeadlineError,
    InternalError,
    InvalidInputError,
    UnauthenticatedError,
)

CONNECT_SECONDS, SILENCE_SECONDS = 5.0, 300.0
"""Longest time to connect, and longest silence of a server that is at work."""
IDLE_SECONDS = 3.0
"""How long a connection is kept for the next message; less than the 5 seconds after which servers close theirs."""
TELL_SECONDS = 10.0
"""Longest time that a message without an answer may take."""
RETRY_SECONDS = 0.2
"""Wait before a server that refused a connection is tried again."""
RESUMES = 3
"""How often an answer that broke off is taken up where it broke, if the server offers that."""
LISTEN_SECONDS = (0.5, 30.0)
"""Shortest and longest wait before the stream of a session is opened again."""
SESSION = "Mcp-Session-Id"
INITIALIZED = Message.parse(b'{"jsonrpc":"2.0","method":"notifications/initialized"}')


class Place(Protocol):
    """Where the server is."""

    async def address(self) -> str:
        """The URL to speak to now. Raises AgentRAGError when there is none."""

    async def lost(self, address: str) -> None:
        """Hear that nobody listens at `address`."""


@dataclass(frozen=True)
class Fixed:
    """A server that is always at the same URL."""

    url: str

    async def address(self) -> str:
        """The URL."""
        return self.url

    async def lost(self, address: str) -> None:
        """Nothing else can be tried."""


@dataclass(frozen=True)
class Handshake:
    """What `initialize` agreed on, for revisions that begin with it; `request` asks for the same again."""

    request: Message
    revision: str
    session_id: str | None

    @property
    def headers(self) -> dict[str, str]:
        """What each later message of the session carries."""
        session = {SESSION: self.session_id} if self.session_id else {}
        return {"MCP-Protocol-Version": self.revision, **session}


class SessionLostError(AgentUnavailableError):
    """The server does not know the session any more, as after a restart."""


class Channel:
    """Messages to one server and what it says to them.

    A request is sent again only if it cannot have arrived: while connections are refused, for `patience` seconds.
    `remedy` is told to the user when nobody answers.
    """

    def __init__(self, http: httpx.AsyncClient, place: Place, *, patience: float, remedy: str) -> None:
        self._http = http
        self._place = place
        self._patience = patience
        self._remedy = remedy
        self._mirrors = Mirrors()
        self._renewing = asyncio.Lock()
        self.handshake: Handshake | None = None

    @classmethod
    @asynccontextmanager
    async def to(
        cls,
        place: Place,
        *,
        patience: float,
        remedy: str,
        headers: Mapping[str, str],
        is_near: bool,
        silence: float = SILENCE_SECONDS,
    ) -> AsyncIterator[Channel]:
        """A channel that is closed at the end; proxies of the environment are used unless the server `is_near`."""
        timeout = httpx.Timeout(silence, connect=CONNECT_SECONDS, pool=None)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=IDLE_SECONDS)
        async with httpx.AsyncClient(headers=headers, timeout=timeout, limits=limits, trust_env=not is_near) as http:
            yield cls(http, place, patience=patience, remedy=remedy)

    async def answers(self, request: Message) -> AsyncGenerator[bytes]:
        """What the server says to a request, a line each; the last one is its response.

        Raises: AgentRAGError when there is no response. Closing this earlier is how the current revisions cancel.
        """
        known = self.handshake
        try:
            async with aclosing(self._exchange(request)) as lines:
                async for line in lines:
                    yield line
        except SessionLostError:
            await self._begin_again(known)
            async with aclosing(self._exchange(request)) as lines:
                async for line in lines:
                    yield line

    async def tell(self, message: Message) -> None:
        """Send what has no answer. Raises AgentRAGError when it does not arrive."""
        address = await self._place.address()
        try:
            found = await self._http.post(
                address, content=message.line, headers=self._headers(message), timeout=TELL_SECONDS
            )
        except httpx.TransportError as error:
            raise self._broken(address, error) from error
        if not found.is_success:
            raise self._fault(address, found)

    async def incoming(self) -> AsyncGenerator[bytes]:
        """What a server with sessions says by itself, over as many connections as it takes; ends if it has no such."""
        shortest, longest = LISTEN_SECONDS
        wait, parser = shortest, Parser()
        while (handshake := self.handshake) and handshake.session_id:
            with suppress(httpx.TransportError, AgentRAGError):  # the next message finds out and tells
                async with self._listening(parser) as response:
                    if response.status_code == httpx.codes.NOT_FOUND:
                        await self._begin_again(handshake)
                    elif response.status_code != httpx.codes.OK:
                        return
                    else:
                        wait = shortest
                        async for event in _events(response, parser):
                            yield one_line(event)
            await asyncio.sleep(wait)
            wait = min(2 * wait, longest)

    async def end(self) -> None:
        """Tell the server that its session is over, if it keeps one."""
        if self.handshake and self.handshake.session_id:
            with suppress(httpx.TransportError, AgentRAGError):  # then it is gone, and the session with it
                await self._http.delete(await self._place.address(), headers=self.handshake.headers, timeout=1)
        self.handshake = None

    # one request ------------------------------------------------------------------------------------------------------

    async def _exchange(self, request: Message) -> AsyncGenerator[bytes]:
        response = await self._posted(request)
        try:
            async with aclosing(self._said(request, response)) as lines:
                async for line, is_last in lines:
                    if is_last:
                        self._learn(request, response, line)
                    yield line
        except httpx.TransportError as error:
            raise self._broken(str(response.url), error) from error
        finally:
            await response.aclose()

    async def _posted(self, request: Message) -> httpx.Response:
        """Send a request, waiting for a server that refuses connections as long as patience lasts."""
        until = time.monotonic() + self._patience
        while True:
            address = await self._place.address()
            posting = self._http.build_request("POST", address, content=request.line, headers=self._headers(request))
            try:
                return await self._http.send(posting, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                if time.monotonic() >= until:
                    raise self._broken(address, error) from error
                await self._place.lost(address)
                await asyncio.sleep(RETRY_SECONDS)
            except httpx.TransportError as error:
                raise self._broken(address, error) from error

    async def _said(self, request: Message, response: httpx.Response) -> AsyncGenerator[tuple[bytes, bool]]:
        """Lines of an HTTP response, and of those that continue it, each with whether it answers the request."""
        if not _is_stream(response):
            body = await response.aread()
            is_lost = response.status_code == httpx.codes.NOT_FOUND and SESSION in response.request.headers
            line = None if is_lost else answer_line(request, body)
            if line is None:
                raise self._fault(str(response.url), response)
            yield line, True
            return
        async with aclosing(self._streamed(response)) as events:
            async for event in events:
                answer = answer_line(request, event)
                yield answer or one_line(event), answer is not None
                if answer is not None:
                    return
        raise AgentUnavailableError("the MCP server ended its answer before the result; ask again")

    async def _streamed(self, response: httpx.Response) -> AsyncGenerator[str]:
        """The messages of an answer, taken up where it breaks off as often as the server offers that and we try."""
        parser = Parser()
        for attempt in range(1 + RESUMES):
            try:
                if attempt == 0:
                    async for event in _events(response, parser):
                        yield event
                else:
                    async with self._listening(parser) as again:
                        if not _is_stream(again):
                            return
                        async for event in _events(again, parser):
                            yield event
            except httpx.TransportError:
                if attempt == RESUMES or not (self.handshake and parser.last_id):
                    raise
            if not (self.handshake and parser.last_id):
                return
            await asyncio.sleep(RETRY_SECONDS)

    # sessions ---------------------------------------------------------------------------------------------------------

    def _learn(self, request: Message, response: httpx.Response, line: bytes) -> None:
        """Keep what later messages need from the answer to `initialize` or to a list of tools."""
        result = Message.parse(line).fields.get("result")
        if not isinstance(result, dict):
            return
        if request.method == "initialize":
            revision, session = str(result.get("protocolVersion", "")), response.headers.get(SESSION)
            self.handshake = Handshake(request, revision, session)
        elif request.method == "tools/list":
            self._mirrors.learn(result, line)

    async def _begin_again(self, known: Handshake | None) -> None:
        """Agree anew on what `known` was about, unless somebody has; the client need not know."""
        async with self._renewing:
            if known is None or self.handshake is not known:
                return
            async with aclosing(self._exchange(known.request)) as lines:
                async for _ in lines:
                    pass
            await self.tell(INITIALIZED)

    @asynccontextmanager
    async def _listening(self, parser: Parser) -> AsyncIterator[httpx.Response]:
        """A stream of what the server says, after the last event that the parser saw."""
        after = {"Last-Event-ID": parser.last_id} if parser.last_id else {}
        headers = {"Accept": "text/event-stream", **(self.handshake.headers if self.handshake else {}), **after}
        async with self._http.stream("GET", await self._place.address(), headers=headers) as response:
            yield response

    def _headers(self, message: Message) -> dict[str, str]:
        if message.method == "initialize":
            return ACCEPTED
        if message.revision is not None:
            return ACCEPTED | routing_headers(message) | self._mirrors.headers(message)
        return ACCEPTED | (self.handshake.headers if self.handshake else {})

    # faults -----------------------------------------------------------------------------------------------------------

    def _broken(self, address: str, error: httpx.TransportError) -> AgentRAGError:
        """Why there is no answer; the query of an address may hold a secret and is not told."""
        address = address.partition("?")[0]
        reason = str(error) or type(error).__name__
        match error:
            case httpx.ConnectError() | httpx.ConnectTimeout():
                return AgentUnavailableError(f"nobody answers at {address} ({reason}); {self._remedy}, then ask again")
            case httpx.ReadTimeout():
                return DeadlineError(f"{address} has said nothing for too long; ask for less, or ask again")
            case _:
                return AgentUnavailableError(
                    f"the connection to {address} broke ({reason}), and whether the work was done is unknown; ask again"
                )

    def _fault(self, address: str, response: httpx.Response) -> AgentRAGError:
        """What an HTTP response without a JSON-RPC answer means."""
        from hosts.cli.api import problem_of

        address = address.partition("?")[0]
        match response.status_code:
            case httpx.codes.UNAUTHORIZED:
                return UnauthenticatedError(
                    f"{address} needs a token: `agentrag mcp bridge URL --header 'Authorization: Bearer ${{TOKEN}}'`"
                )
            case httpx.codes.NOT_FOUND if SESSION in response.request.headers:
                return SessionLostError(f"{address} has forgotten this session; connect again")
            case status if 300 <= status < 400:
                location = response.headers.get("location", "nowhere")
                return InvalidInputError(f"{address} has moved to {location}; use that address if you trust it")
            case httpx.codes.ACCEPTED:
                return InternalError(f"{address} took the request and gives no answer to it; ask its maker")
            case _:
                return problem_of(response)


def _is_stream(response: httpx.Response) -> bool:
    kind: Any = response.headers.get("content-type", "")
    return response.is_success and kind.startswith("text/event-stream")


async def _events(response: httpx.Response, parser: Parser) -> AsyncGenerator[str]:
    """The messages in a stream of events; an event without one says only where to take the stream up."""
    async for piece in response.aiter_bytes():
        for event in parser.feed(piece):
            if event.event == "message" and event.data.lstrip().startswith("{"):
                yield event.data
