"""A host of MCP Apps before the running federation, and a browser to look at it with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest_asyncio
from fastmcp import Client
from playwright.async_api import Browser

from tests.browser import browser, tab
from tests.journeys.apps import host
from tests.journeys.apps.screen import Screen
from tests.serving import serving

__all__ = ["browser"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mcp(address: str, manual: dict[str, Any]) -> AsyncIterator[Client[Any]]:
    """An MCP client of the federation, which has the manual."""
    async with Client(f"{address}/mcp") as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def host_url(mcp: Client[Any]) -> AsyncIterator[str]:
    """Where the host of MCP Apps is."""
    async with serving(host.app(mcp)) as url:
        yield url


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser, host_url: str) -> AsyncIterator[Callable[..., Awaitable[Screen]]]:
    """Opens the view that shows the result of a tool; whatever happens, nothing may go wrong in it or leave it."""
    screens: list[Screen] = []
    async with AsyncExitStack() as stack:

        async def show(
            tool: str,
            arguments: dict[str, Any],
            *,
            at: str = host_url,
            width: int = 760,
            color_scheme: str = "light",
            **wishes: Any,
        ) -> Screen:
            options = {"viewport": {"width": width, "height": 1200}, "color_scheme": color_scheme}
            page, watch = await stack.enter_async_context(tab(browser, **options))
            screens.append(Screen(page, watch, at))
            await screens[-1].show(tool, arguments, **wishes)
            return screens[-1]

        yield show
        for screen in screens:
            assert screen.watch.faults == []
            assert screen.watch.strangers(screen.origin) == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two_pages(mcp: Client[Any]) -> dict[str, Any]:
    """Arguments of `citation_cite` for an answer from two pages of the manual."""
    said = ["Replace the drive belt every 500 hours", "Pull the mains plug before you open the roller guard"]
    found = [await mcp.call_tool("retrieval_hybrid_search", {"query": words, "top_k": 1}) for words in said]
    return {
        "answer": " ".join(f"{words} [{number}]." for number, words in enumerate(said)),
        "chunks": [one.structured_content["chunks"][0] for one in found],
    }
