"""Fetch a document from a URL that a caller named: only from places the settings allow, checked at every hop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from runtime.errors import ForbiddenError, InvalidInputError, StoreUnavailableError
from runtime.trust import authorities

HOPS = 3
"""Redirects followed at most."""
PIECE_BYTES = 256 * 1024


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is on the open internet, also behind the IPv6 forms that carry an IPv4 one.

    Source: the special-purpose registries of RFC 6890; 6to4 (RFC 3056), NAT64 (RFC 6052), site-local (RFC 3879).
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if address.packed[:12] == bytes.fromhex("0064ff9b0000000000000000"):
            return is_public(IPv4Address(address.packed[12:]))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def allowed(url: SplitResult, hosts: tuple[str, ...]) -> bool:
    """Whether the settings name this host outright (then it may be a private one)."""
    return url.hostname in hosts or f"{url.hostname}:{url.port}" in hosts


def checked(link: str, hosts: tuple[str, ...]) -> SplitResult:
    """The parts of a URL that may be asked for. Raises InvalidInputError or ForbiddenError with the remedy."""
    try:
        url = urlsplit(link)
        _ = url.port
    except ValueError as error:
        raise InvalidInputError(f"presigned_url is not a URL: {error}") from error
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.password:
        raise InvalidInputError("presigned_url must be http(s)://host/... without a user name in it")
    if not allowed(url, hosts) and "*" not in hosts:
        raise ForbiddenError(
            f"fetching from {url.hostname!r} is not allowed; name it in AGENTRAG_FETCH_HOSTS, or upload the file"
        )
    return url


async def address_of(url: SplitResult, hosts: tuple[str, ...]) -> str:
    """The one address to connect to, so that a name cannot change its mind between check and use."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.hostname, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise StoreUnavailableError(f"the host {url.hostname!r} has no address: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allowed(url, hosts):
        for address in addresses:
            if not is_public(ip_address(address)):
                raise ForbiddenError(f"{url.hostname!r} leads to {address}, which is not public; upload the file")
    return addresses[0]


def _pinned(url: SplitResult, address: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """The URL with the address in place of the name; the name stays in the Host header and in TLS."""
    host = f"[{address}]" if ":" in address else address
    netloc = f"{host}:{url.port}" if url.port else host
    return url._replace(netloc=netloc).geturl(), {"Host": url.netloc}, {"sni_hostname": url.hostname or ""}


async def fetched(link: str, hosts: tuple[str, ...], seconds: float) -> AsyncIterator[bytes]:
    """The bytes behind a URL, in pieces. Raises ForbiddenError, InvalidInputError, StoreUnavailableError."""
    client = httpx.AsyncClient(trust_env=False, verify=authorities(), timeout=30.0)
    async with asyncio.timeout(seconds), client:
        for _ in range(HOPS + 1):
            url = checked(link, hosts)
            target, headers, extensions = _pinned(url, await address_of(url, hosts))
            request = client.build_request("GET", target, headers=headers, extensions=extensions)
            try:
                answer = await client.send(request, stream=True)
            except httpx.HTTPError as error:
                raise StoreUnavailableError(f"{url.hostname!r} cannot be reached: {type(error).__name__}") from error
            try:
                if answer.is_redirect:
                    link = urljoin(link, answer.headers["location"])
                    continue
                if answer.status_code != 200:
                    raise InvalidInputError(f"{url.hostname!r} answered {answer.status_code}; make a new URL")
                async for piece in answer.aiter_bytes(PIECE_BYTES):
                    yield piece
                return
            finally:
                await answer.aclose()
        raise InvalidInputError(f"presigned_url leads through more than {HOPS} redirects; name the file itself")
