"""`agentrag mcp bridge` as clients start it, between a real stdio client and servers over HTTP."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client as FastClient
from fastmcp.client.transports import StdioTransport
from mcp import MCPError

from hosts.cli.mcp.bridge import is_near, sent_headers, server_url
from runtime.errors import InvalidInputError, SettingsError
from runtime.settings import Settings
from tests.processes import AGENTRAG, free_port
from tests.serving import serving
from tests.stdio import REVISIONS, SECONDS, Era, piped, spoken_to
from tests.toy import Toy

BOTH = pytest.mark.parametrize("era", ["legacy", "auto"])


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(Settings(data=tmp_path, log_level="ERROR"))


@pytest.fixture
async def url(toy: Toy) -> AsyncIterator[str]:
    async with serving(toy.agent.app()) as base_url:
        yield f"{base_url}/mcp"


# both eras ------------------------------------------------------------------------------------------------------------


@BOTH
async def test_everything_a_server_has_goes_through(era: Era, url: str) -> None:
    heard: list[tuple[float, float | None, str | None]] = []

    async def hear(done: float, total: float | None, note: str | None) -> None:
        heard.append((done, total, note))

    async with spoken_to(era, "mcp", "bridge", url) as client:
        assert client.protocol_version == REVISIONS[era]
        assert {"say", "sing", "work", "draw"} <= {tool.name for tool in (await client.list_tools()).tools}
        said = await client.call_tool("say", {"query": "grüße\n\u2028", "times": 2})
        assert said.structured_content is not None
        assert said.structured_content["text"] == "grüße\n\u2028 grüße\n\u2028"
        await client.call_tool("work", {"query": "x", "times": 3}, progress_callback=hear)
        assert heard[-1] == (3, 3, "step 3/3")
        drawn = await client.call_tool("draw", {"query": "x"})
        assert (drawn.content[0].type, drawn.content[0].data) == ("image", "QUJD")
        missed = await client.call_tool("miss", {"query": "it"})
        assert missed.is_error
        assert "ask for something else" in missed.content[0].text
        thing = await client.read_resource("thing://cup")
        assert json.loads(thing.contents[0].text)["text"] == "cup"
        assert [prompt.name for prompt in (await client.list_prompts()).prompts] == ["phr-002-synthesis"]
        with pytest.raises(MCPError):
            await client.read_resource("nothing://at/all")


@BOTH
async def test_calls_run_beside_each_other_and_large_ones_fit(era: Era, url: str) -> None:
    async with spoken_to(era, "mcp", "bridge", url) as client:
        words = [f"{number} " * 50_000 for number in range(4)]
        found = await asyncio.gather(*(client.call_tool("say", {"query": word}) for word in words))
    assert [one.structured_content["text"] for one in found if one.structured_content] == words


async def test_another_client_is_served_as_well(url: str) -> None:
    transport = StdioTransport(AGENTRAG, ["mcp", "bridge", url], keep_alive=False)
    async with FastClient(transport) as client:
        said = await client.call_tool("say", {"query": "hello"})
    assert said.structured_content["text"] == "hello"


async def test_a_cancelled_call_ends_the_work_on_the_server(toy: Toy, url: str) -> None:
    async with spoken_to("auto", "mcp", "bridge", url) as client:
        singing = asyncio.create_task(client.call_tool("sing", {"query": "la", "times": 1000}))
        await asyncio.wait_for(toy.begun.wait(), SECONDS)
        singing.cancel()
        await asyncio.wait_for(toy.stopped.wait(), SECONDS)
        said = await client.call_tool("say", {"query": "still here"})
    assert said.structured_content is not None


# restarts -------------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_server_that_restarts_is_found_again_and_meanwhile_errors_say_so(era: Era, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/mcp"
    asked = f"{url}?key=s3cret"

    def server(name: str) -> AbstractAsyncContextManager[str]:
        return serving(Toy(Settings(data=tmp_path / name, log_level="ERROR")).agent.app(), port)

    async with AsyncExitStack() as first:
        await first.enter_async_context(server("first"))
        async with spoken_to(era, "mcp", "bridge", asked) as client:
            assert (await client.call_tool("say", {"query": "one"})).structured_content
            await first.aclose()
            with pytest.raises(MCPError, match=f"nobody answers at {url} [^?]*; start the server, then ask again"):
                await client.call_tool("say", {"query": "two"})
            async with server("second"):
                assert (await client.call_tool("say", {"query": "three"})).structured_content


async def test_a_call_waits_for_a_server_that_is_just_starting(toy: Toy) -> None:
    port = free_port()
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    async with piped("mcp", "bridge", f"http://127.0.0.1:{port}/mcp") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(ask).encode() + b"\n")
        await process.stdin.drain()
        await asyncio.sleep(0.5)
        async with serving(toy.agent.app(), port):
            answer = json.loads(await asyncio.wait_for(process.stdout.readline(), SECONDS))
    assert answer["result"]["serverInfo"]["name"] == "toy"


# the pipe -------------------------------------------------------------------------------------------------------------

HELLO: dict[str, Any] = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n" for message in messages)


async def test_what_is_at_work_when_the_client_closes_its_end_is_still_answered(url: str) -> None:
    asked = lines(
        {"id": "h", "method": "initialize", "params": HELLO},
        {"method": "notifications/initialized"},
        {"id": 1, "method": "tools/call", "params": {"name": "say", "arguments": {"query": "hi"}}},
    )
    async with piped("mcp", "bridge", url) as process:
        out, err = await asyncio.wait_for(process.communicate(asked.rstrip(b"\n")), SECONDS)
    answers = {answer["id"]: answer for answer in map(json.loads, out.splitlines())}
    assert answers.keys() == {"h", 1}
    assert answers[1]["result"]["structuredContent"]["text"] == "hi"
    assert (process.returncode, err) == (0, b"")


async def test_lines_that_are_no_messages_are_answered_with_errors(url: str) -> None:
    async with piped("mcp", "bridge", url) as process:
        out, _ = await asyncio.wait_for(process.communicate(b"hello\n\n[]\r\n"), SECONDS)
    assert [(answer["id"], answer["error"]["code"]) for answer in map(json.loads, out.splitlines())] == [
        (None, -32700),
        (None, -32600),
    ]


async def test_sigterm_ends_it_even_in_the_middle_of_a_call(toy: Toy, url: str) -> None:
    sing = {"name": "sing", "arguments": {"query": "la", "times": 1000}}
    async with piped("mcp", "bridge", url) as process:
        assert process.stdin is not None
        hello = {"id": 0, "method": "initialize", "params": HELLO}
        process.stdin.write(lines(hello, {"id": 1, "method": "tools/call", "params": sing}))
        await process.stdin.drain()
        await asyncio.wait_for(toy.begun.wait(), SECONDS)
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), SECONDS)
    assert process.returncode == 0


async def test_a_client_that_reads_no_more_has_gone(url: str) -> None:
    async with piped("mcp", "bridge", url) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout._transport.close()  # type: ignore[attr-defined]
        while process.returncode is None:
            process.stdin.write(lines({"id": 0, "method": "initialize", "params": HELLO}))
            await asyncio.wait([asyncio.create_task(process.wait())], timeout=0.2)
    assert process.returncode == 0


# what it is given -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("localhost:8000/mcp",), "is no address of a server"),
        (("ftp://host/mcp",), "write http://host:port/mcp"),
        (("http://[::1/mcp",), "is no address"),
        (("http://two words/mcp",), "is no address"),
        (("https://ada:s3cret@host/mcp",), "the address holds a name or password"),
        (("http://127.0.0.1:1/mcp", "--header", "Secret abc"), "is not 'Name: value'"),
        (("http://127.0.0.1:1/mcp", "--header", "A: ${NO_SUCH_VARIABLE}"), "NO_SUCH_VARIABLE, which is not set"),
    ],
)
async def test_wrong_usage_is_told_on_stderr_alone(words: tuple[str, ...], told: str) -> None:
    async with piped("mcp", "bridge", *words) as process:
        out, err = await asyncio.wait_for(process.communicate(b""), SECONDS)
    assert (process.returncode, out) == (2, b"")
    assert told in " ".join(err.decode().split())
    assert b"s3cret" not in err


def test_headers_take_secrets_from_the_environment() -> None:
    given = ["Authorization: Bearer ${TOKEN}", "X-Empty:", "X-Colon: a:b "]
    assert sent_headers(given, {"TOKEN": "s3cret"}) == {
        "Authorization": "Bearer s3cret",
        "X-Empty": "",
        "X-Colon": "a:b",
    }


def test_a_wrong_header_is_told_without_its_value() -> None:
    with pytest.raises(InvalidInputError) as refused:
        sent_headers(["Authorization: Bearer s3cret\r\nX: y"], {})
    assert "s3cret" not in str(refused.value)
    with pytest.raises(SettingsError) as unset:
        sent_headers(["Authorization: s3cret ${TOKEN}"], {})
    assert "s3cret" not in str(unset.value)


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:8000/mcp", True),
        ("http://[::1]/mcp", True),
        ("http://localhost/mcp", True),
        ("https://rag.example.org/mcp", False),
        ("http://10.0.0.1/mcp", False),
    ],
)
def test_only_servers_of_this_machine_are_near(url: str, near: bool) -> None:
    assert is_near(server_url(url)) is near
