"""How often one user may ask, and how that is told."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from hosts.orchestrator.app import create_host
from hosts.orchestrator.limits import Allowance, limit_of, spend
from hosts.orchestrator.settings import HostSettings
from runtime.auth import Keyring
from runtime.caller import Caller
from runtime.errors import RateLimitError
from runtime.live.embedded import EmbeddedLive
from schemas.message import TenantId
from tests.serving import serving

NOWHERE = {"retrieval": "http://127.0.0.1:9"}
ANN = Caller(TenantId("acme"), "ann", "member", frozenset({"documents:read"}))


@pytest.mark.parametrize(
    ("auth", "given", "limit"),
    [("local", None, 0), ("internal", None, 100), ("local", 7, 7), ("internal", 7, 7), ("internal", 0, 0)],
)
def test_the_owner_of_a_local_federation_is_not_limited_unless_asked(
    tmp_path: Path, auth: str, given: int | None, limit: int
) -> None:
    settings = HostSettings.model_validate({"data": tmp_path, "auth": auth, "requests_per_minute": given})
    assert limit_of(settings) == limit


def test_what_is_left_is_told_and_nothing_left_is_refused() -> None:
    assert Allowance(100, 58, 17).headers() == {
        "RateLimit-Policy": '"user";q=100;w=60',
        "RateLimit": '"user";r=42;t=17',
    }
    Allowance(5, 5, 9).require()
    over = Allowance(5, 6, 9)
    assert over.headers()["RateLimit"] == '"user";r=0;t=9'
    with pytest.raises(RateLimitError, match="5 requests a minute") as refused:
        over.require()
    assert refused.value.retry_after_s == 9


async def test_each_user_has_a_count_that_begins_anew_with_each_minute() -> None:
    live = EmbeddedLive()
    bob = Caller(TenantId("acme"), "bob", "member", frozenset())
    counts = [await spend(live, caller, 9, now) for caller, now in ((ANN, 60.5), (ANN, 119.2), (bob, 119), (ANN, 120))]
    assert [(each.used, each.resets_s) for each in counts] == [(1, 60), (2, 1), (1, 1), (1, 60)]


async def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path) -> None:
    settings = HostSettings(data=tmp_path, auth="internal", requests_per_minute=3)
    host = create_host(settings, None, NOWHERE)
    token = Keyring.of(settings).mint(ANN, "orchestrator")
    async with (
        serving(host.app()) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as http,
    ):
        answers = [await http.get("/v1/documents") for _ in range(8)]
        health = await http.get("/health/live")
        stranger = await http.get("/v1/documents", headers={"Authorization": "Bearer odd"})
        document = await http.get("/openapi.json", headers={"Authorization": ""})
    last = answers[-1]
    assert answers[0].status_code == 200
    assert answers[0].headers["ratelimit-policy"] == '"user";q=3;w=60'
    assert (last.status_code, last.json()["code"]) == (429, "request.rate")
    assert 1 <= int(last.headers["retry-after"]) <= 60
    assert '"user";r=0;t=' in last.headers["ratelimit"]
    assert (health.status_code, "ratelimit" in health.headers) == (200, False)
    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, "Bearer")
    assert document.status_code == 200


async def test_what_a_scope_forbids_still_counts(tmp_path: Path) -> None:
    settings = HostSettings(data=tmp_path, auth="internal", requests_per_minute=50)
    host = create_host(settings, None, NOWHERE)
    token = Keyring.of(settings).mint(ANN, "orchestrator")
    async with serving(host.app()) as url, httpx.AsyncClient(base_url=url) as http:
        answer = await http.get("/v1/admin/health", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.forbidden")
    assert "reports:read" in answer.json()["detail"]
    assert '"user";r=49' in answer.headers["ratelimit"]
