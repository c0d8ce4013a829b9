"""Tokens between our own processes: for one audience, one caller, one minute, and checked in full."""

from __future__ import annotations

import pytest

from runtime import auth
from runtime.auth import HELD_MOST, Keyring
from runtime.caller import LOCAL_TENANT, Caller
from runtime.errors import UnauthenticatedError
from schemas.message import TenantId
from schemas.skills import READ_DOCUMENTS, SCOPES

ANN = Caller(TenantId("acme"), "ann", "member", READ_DOCUMENTS)


@pytest.fixture
def keyring() -> Keyring:
    return Keyring("k" * 48)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time at which tokens are minted; a test may move it."""
    now = [1_800_000_000.0]
    monkeypatch.setattr(auth.time, "time", lambda: now[0])
    return now


def test_a_token_says_who_it_is_for_and_for_whom(keyring: Keyring) -> None:
    caller = keyring.parse(keyring.mint(ANN, "toy"), "toy", trace="t")
    assert (caller.tenant, caller.principal, caller.scopes, caller.trace) == ("acme", "ann", READ_DOCUMENTS, "t")


def test_the_same_caller_gets_the_same_token_for_a_while_and_nobody_else_does(
    keyring: Keyring, clock: list[float]
) -> None:
    first = keyring.mint(ANN, "toy")
    assert keyring.mint(ANN, "toy") == first
    others = [
        keyring.mint(ANN, "other"),
        keyring.mint(Caller(LOCAL_TENANT, "ann", "member", READ_DOCUMENTS), "toy"),
        keyring.mint(Caller(TenantId("acme"), "bob", "member", READ_DOCUMENTS), "toy"),
        keyring.mint(Caller(TenantId("acme"), "ann", "member", SCOPES), "toy"),
        keyring.mint(ANN.within(5), "toy"),
    ]
    assert len({first, *others}) == 6
    clock[0] += 11
    assert keyring.mint(ANN, "toy") != first


def test_a_token_that_was_good_once_is_no_good_elsewhere_or_later(
    keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = keyring.mint(ANN, "toy")
    assert keyring.parse(token, "toy").principal == "ann"
    with pytest.raises(UnauthenticatedError, match="Audience"):
        keyring.parse(token, "other")
    with pytest.raises(UnauthenticatedError, match="Signature"):
        Keyring("another" * 8).parse(token, "toy")
    assert keyring.parse(token, "toy").principal == "ann"


def test_a_token_is_checked_for_its_age_every_time(keyring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "TOKEN_SECONDS", 0)
    token = keyring.mint(ANN, "toy")
    for _ in range(2):
        with pytest.raises(UnauthenticatedError, match="expired"):
            keyring.parse(token, "toy")


def test_only_so_many_tokens_are_held(keyring: Keyring) -> None:
    for number in range(HELD_MOST + 5):
        keyring.mint(Caller(LOCAL_TENANT, f"user{number}", "member", SCOPES), "toy")
    assert len(keyring._minted) == HELD_MOST
