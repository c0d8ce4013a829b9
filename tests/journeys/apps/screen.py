"""One open page of the host with the view in it: what a person sees there and does."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from PIL import Image
from playwright.async_api import Locator, Page, expect

from tests.browser import WAIT_MS, Watch

expect.set_options(timeout=WAIT_MS)
YELLOW = (255, 239, 82)


@dataclass
class Screen:
    """The host's page, and the view in its frame."""

    page: Page
    watch: Watch
    origin: str

    async def show(self, tool: str, arguments: dict[str, Any], **wishes: Any) -> None:
        """Have the host call a tool and show the view; `wishes` tell the host how to be."""
        query = {"tool": tool, "arguments": json.dumps(arguments)}
        query |= {name: value if isinstance(value, str) else json.dumps(value) for name, value in wishes.items()}
        await self.page.goto(f"{self.origin}/?{urlencode(query)}")

    def find(self, selector: str) -> Locator:
        """A part of the view."""
        return self.page.frame_locator("#view").locator(selector)

    async def picture(self) -> Image.Image:
        """The picture of the page, once one is there and no other is awaited."""
        await expect(self.find("#page")).to_have_attribute("aria-busy", "false")
        await expect(self.find("#picture")).to_be_visible()
        source = await self.find("#picture").get_attribute("src") or ""
        head, _, data = source.partition(",")
        assert head == "data:image/webp;base64"
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")

    async def yellow_rows(self) -> tuple[int, int]:
        """First and last row of the picture, in thousandths of its height, that has full yellow in it."""
        image = await self.picture()
        pixels = image.load()
        rows = [y for y in range(image.height) if any(pixels[x, y] == YELLOW for x in range(0, image.width, 3))]
        assert rows, "nothing is yellow on the picture"
        return rows[0] * 1000 // image.height, rows[-1] * 1000 // image.height

    async def heard(self, method: str) -> list[dict[str, Any]]:
        """The messages of one method that the view sent to the host."""
        log: list[dict[str, Any]] = await self.page.evaluate("log")
        return [message for message in log if message.get("method") == method]

    async def answer(self, request_id: str) -> dict[str, Any]:
        """What the view answered to a request of the host."""
        async with asyncio.timeout(WAIT_MS / 1000):
            while True:
                log: list[dict[str, Any]] = await self.page.evaluate("log")
                for message in log:
                    if message.get("id") == request_id:
                        return message
                await asyncio.sleep(0.05)

    async def fallback(self) -> dict[str, Any]:
        """The result as the host has it for clients and models that see no view."""
        await expect(self.page.locator("#fallback")).not_to_be_empty()
        told: dict[str, Any] = json.loads(await self.page.locator("#fallback").text_content() or "")
        return told

    async def luminance(self) -> float:
        """How bright the background of the view is, 0 to 1."""
        colour: str = await self.find("html").evaluate("root => getComputedStyle(root).backgroundColor")
        channels = [float(part) for part in colour.strip("rgba()").split(",")[:3]]
        return sum(channels) / 3 / 255
