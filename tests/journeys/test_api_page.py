"""The page that shows the API: everything from the document, requests tried from it, nothing from elsewhere."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from hosts.orchestrator.app import OPERATIONS
from tests.browser import browser, tab

__all__ = ["browser"]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def card(page: Page, name: str) -> Any:
    """An operation of the page, opened."""
    found = page.locator(f"details#{name}")
    await found.locator("summary").first.click()
    return found


async def test_every_operation_can_be_read_and_nothing_comes_from_elsewhere(address: str, browser: Browser) -> None:
    async with tab(browser) as (page, watch):
        await page.goto(f"{address}/docs")
        await expect(page.locator("details.card[id]:not([id^=schema-])")).to_have_count(len(OPERATIONS))
        shown = await card(page, "show_page")
        await expect(shown).to_contain_text("Width in pixels.")
        await expect(shown).to_contain_text("≥ 100, ≤ 2400, default 918")
        await expect(shown).to_contain_text("image/webp")
        ask = await card(page, "ask")
        await expect(ask).to_contain_text("queries:write")
        await ask.get_by_role("link", name="Citation").first.click()
        await expect(page.locator("details#schema-CitationsEvent")).to_have_attribute("open", "")
        assert watch.faults == []
        assert watch.strangers(address) == []


async def test_a_link_to_an_operation_opens_it(address: str, browser: Browser) -> None:
    async with tab(browser) as (page, _):
        await page.goto(f"{address}/docs#read_document")
        await expect(page.locator("details#read_document")).to_have_attribute("open", "")


async def test_a_question_asked_from_the_page_streams_into_it(
    address: str, browser: Browser, manual: dict[str, Any]
) -> None:
    async with tab(browser) as (page, watch):
        await page.goto(f"{address}/docs#ask")
        ask = page.locator("details#ask")
        await ask.get_by_role("button", name="Send").click()
        await expect(ask.get_by_role("status")).to_contain_text("data: [DONE]")
        await expect(ask.get_by_role("status")).to_contain_text("200")
        await ask.get_by_label("Accept", exact=True).select_option("application/json")
        await ask.get_by_role("button", name="Send").click()
        await expect(ask.get_by_role("status")).to_contain_text('"status": "completed"')
        assert watch.faults == []


async def test_files_go_in_and_pictures_come_out(
    address: str, http: httpx.AsyncClient, browser: Browser, manual: dict[str, Any]
) -> None:
    async with tab(browser) as (page, watch):
        await page.goto(f"{address}/docs")
        create = await card(page, "create_document")
        file = {"name": "tried.txt", "mimeType": "text/plain", "buffer": b"Tried from the page that shows the API."}
        await create.get_by_label("File", exact=True).set_input_files(file)
        await create.get_by_role("button", name="Send").click()
        await expect(create.get_by_role("status")).to_contain_text('"filename": "tried.txt"')
        shown = await card(page, "show_page")
        await shown.get_by_label("doc_id").fill(manual["doc_id"])
        await shown.get_by_label("page", exact=True).fill("2")
        await shown.get_by_role("button", name="Send").click()
        await expect(shown.get_by_role("img", name="The picture")).to_be_visible()
        assert watch.faults == []


async def test_a_stream_that_never_ends_is_stopped_and_a_problem_is_shown(address: str, browser: Browser) -> None:
    async with tab(browser) as (page, _):
        await page.goto(f"{address}/docs")
        watching = await card(page, "watch_documents")
        await watching.get_by_role("button", name="Send").click()
        await expect(watching.get_by_role("status")).to_contain_text("200")
        await watching.get_by_role("button", name="Stop").click()
        await expect(watching.get_by_role("status")).to_contain_text("Stopped.")
        reading = await card(page, "read_document")
        await reading.get_by_label("doc_id").fill("doc_nothing")
        await reading.get_by_role("button", name="Send").click()
        await expect(reading.get_by_role("status")).to_contain_text('"code": "not_found"')


async def test_the_page_fits_a_small_screen(address: str, browser: Browser) -> None:
    async with tab(browser, viewport={"width": 360, "height": 700}) as (page, _):
        await page.goto(f"{address}/docs#ask")
        await expect(page.locator("details#ask")).to_have_attribute("open", "")
        assert await page.locator("main").evaluate("main => document.documentElement.scrollWidth") <= 360
