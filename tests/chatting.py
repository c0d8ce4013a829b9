"""A scripted language model: a real HTTP server on loopback that speaks the chat-completions protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from prompts import load
from runtime.models.openai import OpenAIAnswerer, Patience
from runtime.resilience import Backoff
from schemas.answer import Answer
from schemas.chunk import Chunk
from schemas.skills import Synthesize, Token
from tests.serving import serving

BOUND = 20.0
"""Seconds after which a wait of a test has failed."""


@dataclass
class Reply:
    """What the server says to one request. `gate` is waited for behind the first piece; `breaks` cuts the line."""

    pieces: Sequence[str] = ()
    status: int = 200
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    gate: asyncio.Event | None = None
    hangs: bool = False
    breaks: bool = False
    usage: tuple[int, int] | None = (11, 7)
    refusal: str = ""


class Endpoint:
    """`POST /v1/chat/completions`, scripted; keeps what was asked, and whether the client hung up."""

    def __init__(self, *script: Reply) -> None:
        self.script = list(script)
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.hung_up = asyncio.Event()
        self.url = ""

    async def chat(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        reply = self.script.pop(0) if self.script else Reply(status=500)
        if reply.status != 200:
            return JSONResponse(reply.body, reply.status, reply.headers)
        return StreamingResponse(self.events(reply), media_type="text/event-stream")

    async def events(self, reply: Reply) -> AsyncIterator[str]:
        yield chunk({"role": "assistant", "content": ""})
        for number, piece in enumerate(reply.pieces):
            yield chunk({"content": piece})
            if number == 0 and reply.gate is not None:
                await asyncio.wait_for(reply.gate.wait(), BOUND)
        if reply.refusal:
            yield chunk({"refusal": reply.refusal})
        if reply.hangs:
            try:
                await asyncio.wait_for(asyncio.Event().wait(), BOUND)
            except asyncio.CancelledError:  # Starlette stops the answer when its reader has gone
                self.hung_up.set()
                raise
        if reply.breaks:
            raise ConnectionResetError("the line was cut")
        yield chunk({}, finish_reason="stop")
        if reply.usage is not None and self.bodies[-1].get("stream_options"):
            read, written = reply.usage
            usage = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
            yield event({**HEAD, "choices": [], "usage": usage})
        yield "data: [DONE]\n\n"


HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "small"}


def event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body)}\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
    return event({**HEAD, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


@asynccontextmanager
async def chatting(*script: Reply) -> AsyncIterator[Endpoint]:
    """The scripted model on a free port of loopback."""
    endpoint = Endpoint(*script)
    app = Starlette(routes=[Route("/v1/chat/completions", endpoint.chat, methods=["POST"])])
    async with serving(app) as base_url:
        endpoint.url = f"{base_url}/v1"
        yield endpoint


KEY = "sk-very-secret-4711"
PROMPT = load("phr-002-synthesis")
QUICK = Patience(connect=2.0, silence=5.0, backoff=Backoff(attempts=4, first_seconds=0.001))


@asynccontextmanager
async def asking(endpoint: Endpoint, patience: Patience = QUICK) -> AsyncIterator[OpenAIAnswerer]:
    """An answerer of that server."""
    answerer = OpenAIAnswerer(endpoint.url, "small", KEY, patience)
    try:
        yield answerer
    finally:
        await answerer.close()


def passage(content: str, doc: str = "manual.pdf", page: int = 23) -> Chunk:
    return Chunk(
        chunk_id="c", doc_id="d", doc=doc, version_id="v", page=page, ordinal=0, start=0, end=9, content=content
    )


ASK = Synthesize(question="When does the valve open?", chunks=(passage("The valve opens at 4 bar."),))


async def collected(answerer: OpenAIAnswerer, ask: Synthesize = ASK) -> tuple[list[str], Answer]:
    items = [item async for item in answerer.answer(ask, PROMPT)]
    assert isinstance(items[-1], Answer)
    return [item.content for item in items[:-1] if isinstance(item, Token)], items[-1]
