"""Tokens between our own processes: a Caller signed for one audience, one hop, one minute."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import jwt

from runtime.caller import Caller
from runtime.errors import UnauthenticatedError
from runtime.settings import Settings
from schemas.message import TenantId

TOKEN_SECONDS = 60
REUSE_SECONDS = 10
"""How long the same token is given for the same caller again; whoever gets one still has most of its minute."""
HELD_MOST = 1000
"""Tokens held, each of those minted and those verified."""
_ALGORITHM = "HS256"
_ISSUER = "agentrag"


class Keyring:
    """Mints and parses the federation's own tokens. The key is a setting, or a file that only its owner can read."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._minted: dict[Hashable, tuple[float, str]] = {}
        self._verified: dict[str, dict[str, Any]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Keyring:
        """The key of the settings, or else the data folder's own, made at first use."""
        if settings.internal_key is not None:
            return cls(settings.internal_key.get_secret_value())
        return cls(_key_file(settings.data / "internal.key"))

    def mint(self, caller: Caller, audience: str) -> str:
        """A token that lets `audience` act for `caller` for a minute."""
        now = time.time()
        same = (caller.tenant, caller.principal, caller.role, caller.scopes, caller.deadline, audience)
        minted_at, token = self._minted.get(same, (0.0, ""))
        if not 0 <= now - minted_at < REUSE_SECONDS:
            token = self._signed(caller, audience, now)
            _hold(self._minted, same, (now, token))
        return token

    def _signed(self, caller: Caller, audience: str, now: float) -> str:
        claims: dict[str, Any] = {
            "iss": _ISSUER,
            "aud": audience,
            "iat": int(now),
            "exp": int(now) + TOKEN_SECONDS,
            "sub": caller.principal,
            "tenant": caller.tenant,
            "role": caller.role,
            "scopes": sorted(caller.scopes),
            "deadline": caller.deadline,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def parse(self, token: str, audience: str, trace: str = "") -> Caller:
        """The caller a token speaks for. Raises UnauthenticatedError for one that is not ours, old, or for others."""
        claims = self._verified.get(token)
        if claims is None or claims["aud"] != audience or claims["exp"] <= time.time():
            claims = self._checked(token, audience)
            _hold(self._verified, token, claims)
        return Caller(
            tenant=TenantId(claims["tenant"]),
            principal=claims["sub"],
            role=claims["role"],
            scopes=frozenset(claims["scopes"]),
            trace=trace,
            deadline=claims.get("deadline"),
        )

    def _checked(self, token: str, audience: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=_ISSUER,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise UnauthenticatedError(f"the bearer token is not valid here: {error}; sign in again") from error
        return claims


def _hold(held: dict[Any, Any], key: Hashable, value: object) -> None:
    """Keep a value; when there are too many, the oldest goes."""
    held[key] = value
    if len(held) > HELD_MOST:
        del held[next(iter(held))]


def _key_file(path: Path) -> str:
    """The key in `path`; several processes that start together end up with the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its key counts
    finally:
        draft.unlink()
    return path.read_text().strip()
