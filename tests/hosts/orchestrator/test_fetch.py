"""Fetching from a URL that a caller named: which places may be asked, at every hop."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from hosts.orchestrator.fetch import checked, fetched, is_public
from runtime.errors import AgentRAGError, ForbiddenError, InvalidInputError
from tests.serving import serving


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("fec0::1", False),
        ("::ffff:127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
    ],
)
def test_only_addresses_of_the_open_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ip_address(address)) is public


@pytest.mark.parametrize(
    "link",
    ["file:///etc/passwd", "ftp://host/x", "http://", "http://user:pass@host/x", "http://host:99999/x", "gopher://h"],
)
def test_a_link_that_is_not_plain_http_is_refused(link: str) -> None:
    with pytest.raises(InvalidInputError, match="presigned_url"):
        checked(link, ("*",))


def test_a_host_that_no_setting_names_is_refused() -> None:
    with pytest.raises(ForbiddenError, match="AGENTRAG_FETCH_HOSTS"):
        checked("https://bucket.example/x.pdf", ("other.example",))


def app() -> Starlette:
    async def file(request: Request) -> Response:
        return Response(b"the file")

    async def away(request: Request) -> Response:
        return RedirectResponse(request.query_params["to"])

    return Starlette(routes=[Route("/file", file), Route("/away", away)])


async def read(link: str, *hosts: str) -> bytes:
    return b"".join([piece async for piece in fetched(link, hosts, 10.0)])


async def test_a_named_host_is_read_even_when_it_is_private() -> None:
    async with serving(app()) as url:
        assert await read(f"{url}/file", url.removeprefix("http://")) == b"the file"
        assert await read(f"{url}/away?to=/file", "127.0.0.1") == b"the file"


async def test_every_public_address_is_not_every_address() -> None:
    async with serving(app()) as url:
        with pytest.raises(ForbiddenError, match="not public"):
            await read(f"{url}/file", "*")
        with pytest.raises(ForbiddenError, match="not public"):
            await read(f"{url.replace('127.0.0.1', 'localhost')}/file", "*")


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest", "http://10.0.0.1/x", "file:///etc/passwd"])
async def test_a_redirect_is_checked_like_the_first_link(target: str) -> None:
    async with serving(app()) as url:
        with pytest.raises(AgentRAGError) as caught:
            await read(f"{url}/away?to={target}", "127.0.0.1")
    assert isinstance(caught.value, ForbiddenError | InvalidInputError)


async def test_a_circle_of_redirects_ends() -> None:
    async with serving(app()) as url:
        circle = f"{url}/away?to=/away%3Fto%3D/away%253Fto%253D/away%25253Fto%25253D/file"
        with pytest.raises(AgentRAGError):
            await read(circle, "127.0.0.1")
        with pytest.raises(InvalidInputError, match="answered 404"):
            await read(f"{url}/nothing", "127.0.0.1")
