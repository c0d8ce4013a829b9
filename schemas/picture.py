"""A picture on its way to a client; MCP callers receive it as image content."""

from __future__ import annotations

from pydantic import Field

from schemas.message import Message


class Picture(Message):
    """Encoded image bytes with their media type."""

    media_type: str = Field(examples=["image/webp"])
    base64: str = Field(description="The image file, base64 encoded.")
    width: int = Field(description="Pixels.")
    height: int = Field(description="Pixels.")
