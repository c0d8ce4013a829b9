"""A problem as RFC 9457 words it: what went wrong, for people and for programs."""

from __future__ import annotations

from pydantic import Field

from schemas.message import Message


class Flaw(Message):
    """One fault of one field of a request.

    `pointer` is a JSON Pointer into the body, or `/query/<name>`, `/path/<name>`, `/header/<name>`.
    """

    pointer: str
    detail: str


class Problem(Message):
    """Source: RFC 9457. `code` is stable; `retryable` tells whether the same request may work later."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    retryable: bool = False
    trace_id: str = ""
    instance: str | None = None
    errors: tuple[Flaw, ...] = Field((), description="Faults of single fields.")
