"""A real browser for tests: Chromium driven by Playwright, with every request, console line and fault kept."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = os.environ.get("AGENTRAG_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
WAIT_MS = 30_000
"""Milliseconds after which a wait of a browser test has failed."""


@dataclass
class Watch:
    """What a page did besides showing itself."""

    requests: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """Errors and warnings of the console (a violated content security policy is one), and uncaught exceptions."""

    def strangers(self, *origins: str) -> list[str]:
        """Requests that went anywhere but to `origins`."""
        schemes = ("data", "blob", "about")
        return [
            url
            for url in self.requests
            if (parts := urlsplit(url)).scheme not in schemes and f"{parts.scheme}://{parts.netloc}" not in origins
        ]

    def hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(message.text)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for as long as the context is open. Fails with the remedy where there is none."""
    assert CHROMIUM, "Chromium is missing: run `make browser`, install it yourself, or set AGENTRAG_CHROMIUM"
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield launched
        finally:
            await launched.close()


@asynccontextmanager
async def tab(browser: Browser, **options: Any) -> AsyncIterator[tuple[Page, Watch]]:
    """A page with nothing remembered, and what it does. `options` are those of a Playwright browser context."""
    watch = Watch()
    context = await browser.new_context(**options)
    context.set_default_timeout(WAIT_MS)
    context.on("request", lambda request: watch.requests.append(request.url))
    try:
        page = await context.new_page()
        page.on("console", watch.hear)
        page.on("pageerror", lambda error: watch.faults.append(str(error)))
        yield page, watch
    finally:
        await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser for the tests of one module."""
    async with chromium() as launched:
        yield launched
