"""The certificate authorities that this process trusts, read once: it takes 50 ms that keep the event loop waiting."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


@cache
def authorities() -> ssl.SSLContext:
    """For `verify` of every HTTP client; nothing of it is taken from the environment."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)
