"""What browsers are told, and who may read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from runtime.browser import INERT, may_read, security_headers
from runtime.settings import Settings
from tests.toy import Toy

SHOP = "https://shop.example"


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "reads"),
    [
        (SHOP, "api.example", (), False),
        (SHOP, "api.example", (SHOP,), True),
        ("https://shop.example.evil", "api.example", (SHOP,), False),
        ("http://shop.example", "api.example", (SHOP,), False),
        ("https://a.shop.example", "api.example", ("https://*.shop.example",), True),
        ("http://localhost:3000", "127.0.0.1:8000", (), True),
        ("http://[::1]:3000", "localhost:8000", (), True),
        ("http://localhost:3000", "api.example", (), False),
        ("http://localhost.evil.example", "localhost:8000", (), False),
        ("null", "localhost:8000", (), False),
        ("http://[", "localhost", (), False),
    ],
)
def test_only_allowed_origins_and_pages_of_this_machine_may_read(
    origin: str, host: str, allowed: tuple[str, ...], reads: bool
) -> None:
    assert may_read(origin, host, allowed) is reads


def test_headers_fit_the_kind_of_response() -> None:
    data, page = security_headers("application/json", "http"), security_headers("text/html; charset=utf-8", "https")
    assert data["Content-Security-Policy"] == INERT
    assert "Strict-Transport-Security" not in data
    assert "Cross-Origin-Opener-Policy" not in data
    assert page["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page["Strict-Transport-Security"].startswith("max-age=")


def client(tmp_path: Path, host: str, **settings: object) -> httpx.AsyncClient:
    """A client of an agent that is reached as `host`, over TLS."""
    toy = Toy(Settings.model_validate({"data": tmp_path, "allowed_hosts": (host,), **settings}))
    return httpx.AsyncClient(transport=httpx.ASGITransport(toy.agent.app()), base_url=f"https://{host}")


async def test_an_agent_lets_the_origins_of_its_settings_in(tmp_path: Path) -> None:
    asking = {"Origin": SHOP, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "mcp-method"}
    async with client(tmp_path, "api.example", allowed_origins=(SHOP,)) as http:
        asked = await http.options("/mcp", headers=asking)
        plain = await http.options("/mcp", headers=asking | {"Access-Control-Request-Headers": ""})
        read = await http.get("/health/live", headers={"Origin": SHOP})
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (204, SHOP)
    assert asked.headers["access-control-allow-headers"] == "mcp-method"
    assert asked.headers["vary"] == "Access-Control-Request-Headers, Origin"
    assert "access-control-allow-headers" not in plain.headers
    assert "Mcp-Session-Id" in read.headers["access-control-expose-headers"]
    assert read.headers["strict-transport-security"] == "max-age=31536000"


async def test_an_agent_tells_other_origins_nothing(tmp_path: Path) -> None:
    asking = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    async with client(tmp_path, "api.example") as http:
        asked = await http.options("/mcp", headers=asking)
        read = await http.get("/health/live", headers={"Origin": SHOP})
    assert (asked.status_code, read.status_code) == (403, 403)
    assert "access-control-allow-origin" not in {**asked.headers, **read.headers}
