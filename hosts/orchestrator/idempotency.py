"""Idempotency: a request that comes again with the same Idempotency-Key is answered as the first time, not done again.

Receipts are kept in the records, so that a key counts also after a restart. Only what went well leaves one: a request
that was refused has done nothing and may be sent again, mended. Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.responses import JSONResponse

from runtime.backends import Backends
from runtime.caller import Caller
from runtime.durable.contract import Json
from runtime.errors import InProgressError, KeyReusedError
from runtime.records.contract import Receipt
from schemas.message import Message

KEPT = timedelta(hours=24)
TAKING_IN_SECONDS = 600.0
"""How long a request can be at work before another one with its key may begin."""
RETRY_SECONDS = 1


@dataclass(frozen=True)
class Answered:
    """What a request was answered: the status, the place of what it made, and the JSON body."""

    status: int
    location: str
    body: Json

    @classmethod
    def of(cls, message: Message, status: int, location: str) -> Answered:
        """The answer that shows a message."""
        return cls(status, location, message.model_dump(mode="json"))

    def response(self) -> JSONResponse:
        """The answer on its way to the client."""
        return JSONResponse(self.body, self.status, {"Location": self.location})


@dataclass(frozen=True)
class Key:
    """A caller's word for one request; `fingerprint` tells that request from others."""

    word: str
    fingerprint: str

    @classmethod
    def of(cls, word: str, *parts: str) -> Key:
        """The key of a request that consists of `parts`; the quotes of a structured field are no part of the word."""
        return cls(word.strip('"'), hashlib.sha256("\0".join(parts).encode()).hexdigest())

    def seed(self, caller: Caller) -> str:
        """Hex digits for the id of what the request makes, the same after a crash halfway; none without a key."""
        if not self.word:
            return ""
        return hashlib.sha256(f"{caller.owner_key}\0{self.word}\0{self.fingerprint}".encode()).hexdigest()[:32]


async def once(on: Backends, caller: Caller, key: Key, act: Callable[[], Awaitable[Answered]]) -> Answered:
    """The answer of `act`, or the one it gave before to the same request.

    Raises: KeyReusedError when the key came with another request; InProgressError while that is at work.
    """
    if not key.word:
        return await act()
    known = await _known(on, caller, key)
    if known is not None:
        return known
    claim = f"idempotency:{caller.owner_key}:{key.word}"
    if not await on.live.claim(claim, ttl_seconds=TAKING_IN_SECONDS):
        raise InProgressError(
            f"the request with Idempotency-Key {key.word!r} is being taken in; ask again", retry_after_s=RETRY_SECONDS
        )
    try:
        return await _known(on, caller, key) or await _done(on, caller, key, act)
    finally:
        await on.live.forget(claim)


async def _done(on: Backends, caller: Caller, key: Key, act: Callable[[], Awaitable[Answered]]) -> Answered:
    answered = await act()
    now = datetime.now(UTC)
    receipt = Receipt(
        caller.tenant,
        caller.principal,
        key.word,
        key.fingerprint,
        answered.status,
        answered.location,
        answered.body,
        now,
    )
    await on.records.receipts.put(receipt, forget_before=now - KEPT)
    return answered


async def _known(on: Backends, caller: Caller, key: Key) -> Answered | None:
    receipt = await on.records.receipts.get(caller.tenant, caller.principal, key.word)
    if receipt is None or receipt.created_at < datetime.now(UTC) - KEPT:
        return None
    if receipt.fingerprint != key.fingerprint:
        raise KeyReusedError(
            f"Idempotency-Key {key.word!r} was used for another request; take a new key for a new request"
        )
    return Answered(receipt.status, receipt.location, dict(receipt.body))
