"""The relay between an MCP client's pipe and an MCP server over HTTP: messages go through as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Protocol

from hosts.cli.console import Console
from hosts.cli.mcp.channel import Channel
from hosts.cli.mcp.message import Id, Message, error_line, is_id
from runtime.errors import AgentRAGError, InvalidInputError

GRACE_SECONDS = 1.5
"""How long requests at work may take once the client has closed its end; clients wait for about two seconds."""
CANCELLED = "notifications/cancelled"


class Client(Protocol):
    """The client's end."""

    def lines(self) -> AsyncIterator[bytes]:
        """What it says, until it has gone."""

    def write(self, line: bytes) -> None:
        """Say something to it."""


class Relay:
    """Carries messages both ways until the client has gone. Requests run beside each other, all else in order."""

    def __init__(self, client: Client, channel: Channel) -> None:
        self._client = client
        self._channel = channel
        self._at_work: dict[Id, tuple[Message, asyncio.Task[None]]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Relay until the client closes its end, then give what is at work a moment to end."""
        async with asyncio.TaskGroup() as group:
            async for line in self._client.lines():
                if line.strip():
                    await self._take(line, group)
            if tasks := [task for _, task in self._at_work.values()]:
                await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for task in (*tasks, self._listening):
                if task is not None:
                    task.cancel()
        await self._channel.end()

    async def _take(self, line: bytes, group: asyncio.TaskGroup) -> None:
        try:
            message = Message.parse(line)
        except InvalidInputError as error:
            self._client.write(error_line(None, error))
            return
        if message.kind != "request":
            await self._tell(message, group)
        elif message.method == "initialize":
            await self._answer(message)  # what follows depends on it
        else:
            task = group.create_task(self._answer(message))
            self._at_work[message.id] = message, task
            task.add_done_callback(lambda done: self._forget(message.id, done))

    def _forget(self, key: Id, done: asyncio.Task[None]) -> None:
        if key in self._at_work and self._at_work[key][1] is done:
            del self._at_work[key]

    async def _answer(self, request: Message) -> None:
        """Give the client all that the server says to a request, or say why there is nothing."""
        try:
            async with aclosing(self._channel.answers(request)) as lines:
                async for line in lines:
                    self._client.write(line)
        except AgentRAGError as error:
            self._client.write(error_line(request.id, error))

    async def _tell(self, message: Message, group: asyncio.TaskGroup) -> None:
        if message.method == CANCELLED and self._cancels_here(message):
            return
        try:
            await self._channel.tell(message)
        except AgentRAGError as error:
            Console().say(f"{message.method or 'an answer'} did not reach the server: {error}")
            return
        if message.method == "notifications/initialized" and self._listening is None:
            self._listening = group.create_task(self._listen())

    def _cancels_here(self, message: Message) -> bool:
        """Cancel a request of a current revision by closing its stream; older ones want the notification itself."""
        key = message.params.get("requestId")
        if not is_id(key) or key not in self._at_work:
            return self._channel.handshake is None
        request, task = self._at_work[key]
        if request.revision is None:
            return False
        task.cancel()
        return True

    async def _listen(self) -> None:
        async with aclosing(self._channel.incoming()) as lines:
            async for line in lines:
                self._client.write(line)
