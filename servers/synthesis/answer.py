"""Answer a question from chunks: pass the tokens on, then judge and log what was written."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, cast

import structlog
from prometheus_client import Histogram

import prompts
from runtime.call import Emit
from runtime.errors import ModelUnavailableError
from runtime.models import sufficiency
from schemas.answer import Answer
from schemas.skills import Synthesize, Token
from servers.synthesis.grounding import ground

if TYPE_CHECKING:
    from runtime.models.contract import Answerer

log = structlog.get_logger()

PROMPT = "phr-002-synthesis"
GROUNDING = Histogram(
    "answer_grounding_rate",
    "Share of an answer's sentences that name a given chunk",
    ["model"],
    buckets=(0.25, 0.5, 0.75, 0.9, 0.99, 1.0),
)
FIRST_TOKEN = Histogram(
    "answer_first_token_seconds",
    "Time until the first token of an answer",
    ["model"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20),
)


async def write(ask: Synthesize, answerer: Answerer, emit: Emit) -> Answer:
    """Emit the tokens of an answer as they come and return the whole; being cancelled stops the model.

    The text stays as the model wrote it, markers of no given chunk included: the citation agent reports those.
    """
    prompt = prompts.load(PROMPT)
    started = time.perf_counter()
    first_token: float | None = None
    answer: Answer | None = None
    if not ask.chunks:
        answer = _nothing_given(answerer, prompt.label)
        await emit(Token(content=answer.text))
    else:
        stream = cast("AsyncGenerator[Token | Answer]", answerer.answer(ask, prompt))
        async with aclosing(stream):
            async for item in stream:
                if isinstance(item, Answer):
                    answer = item
                    continue
                if first_token is None:
                    first_token = time.perf_counter() - started
                await emit(item)
    if answer is None:
        raise ModelUnavailableError(f"model {answerer.name!r} ended without an answer; ask again")
    _account(ask, answer, first_token)
    return answer


def _nothing_given(answerer: Answerer, label: str) -> Answer:
    """Without chunks no model is asked: it could only make something up."""
    return Answer(text=sufficiency.NOTHING, kind=answerer.kind, model=answerer.name, prompt=label, abstained=True)


def _account(ask: Synthesize, answer: Answer, first_token: float | None) -> None:
    found = ground(answer.text, len(ask.chunks))
    if found.rate is not None:
        GROUNDING.labels(answer.model).observe(found.rate)
    if first_token is not None:
        FIRST_TOKEN.labels(answer.model).observe(first_token)
    log.info(
        "answer.completed",
        kind=answer.kind,
        model=answer.model,
        prompt=answer.prompt,
        question_chars=len(ask.question),
        chunks=len(ask.chunks),
        turns=len(ask.history),
        answer_chars=len(answer.text),
        statements=found.statements,
        sourced=found.sourced,
        grounding_rate=None if found.rate is None else round(found.rate, 3),
        unknown_markers=len(found.unknown),
        abstained=answer.abstained,
        first_token_ms=None if first_token is None else round(first_token * 1000, 1),
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )
