"""Tokens between our own processes: a Caller signed for one audience, one hop, one minute."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path
from typing import Any

import jwt

from runtime.caller import Caller
from runtime.errors import UnauthenticatedError
from runtime.settings import Settings
from schemas.message import TenantId

TOKEN_SECONDS = 60
_ALGORITHM = "HS256"
_ISSUER = "agentrag"


class Keyring:
    """Mints and parses the federation's own tokens. The key is a setting, or a file that only its owner can read."""

    def __init__(self, key: str) -> None:
        self._key = key

    @classmethod
    def of(cls, settings: Settings) -> Keyring:
        """The key of the settings, or else the data folder's own, made at first use."""
        if settings.internal_key is not None:
            return cls(settings.internal_key.get_secret_value())
        return cls(_key_file(settings.data / "internal.key"))

    def mint(self, caller: Caller, audience: str) -> str:
        """A token that lets `audience` act for `caller` for a minute."""
        now = time.time()
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
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=_ISSUER,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise UnauthenticatedError(f"the bearer token is not valid here: {error}; sign in again") from error
        return Caller(
            tenant=TenantId(claims["tenant"]),
            principal=claims["sub"],
            role=claims["role"],
            scopes=frozenset(claims["scopes"]),
            trace=trace,
            deadline=claims.get("deadline"),
        )


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
