"""Answers: the text with its markers, how it was made and what it cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.message import Message


class TokenUsage(Message):
    """Tokens that a model read and wrote for one call; zero for extractive answers."""

    input_tokens: int = 0
    output_tokens: int = 0


class Turn(Message):
    """One earlier question of the conversation and its answer."""

    question: str
    answer: str


class Answer(Message):
    """An answer whose sentences carry `[n]`, n being the 0-based position of the chunk that was handed in."""

    text: str
    kind: Literal["extractive", "generated"] = Field(description="Whether sentences were picked or written by a model.")
    model: str
    prompt: str = Field(description="The prompt record used, e.g. `phr-002-synthesis@1`.")
    abstained: bool = Field(False, description="The context does not answer the question, and the text says so.")
    usage: TokenUsage = TokenUsage()
    warnings: tuple[str, ...] = ()


class FollowUps(Message):
    """Questions a reader may ask next, each answerable from the same context."""

    questions: tuple[str, ...] = Field(max_length=3)
