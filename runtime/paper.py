"""Pictures of pages: passages shaded in yellow, text set as a simple page, WebP files; the one adapter of Pillow."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageDraw, ImageFont

if TYPE_CHECKING:
    from schemas.citation import Rect

YELLOW = (255, 239, 82)
PALE_YELLOW = (255, 247, 206)
"""Colours of the 32 steps that pictures are stored in."""
_WHITE = (255, 255, 255)
_STEPS = 31
_STEPPED = [round(round(value * _STEPS / 255) * 255 / _STEPS) for value in range(256)] * 3
"""The nearest of 32 even steps from black to white, for each value of each colour."""
MAX_SIDE = 16_383
"""Longest side of a WebP file, pixels."""


def shade(picture: Image.Image, highlights: Sequence[Rect], pale: Sequence[Rect] = ()) -> Image.Image:
    """Lay yellow over `highlights` and a lighter one over `pale`, on the picture itself, which is returned.

    Dark ink stays as dark as it is (multiply blend).
    """
    colours = [(_pixels(rect, picture.size), PALE_YELLOW) for rect in pale]
    colours += [(_pixels(rect, picture.size), YELLOW) for rect in highlights]
    if not colours:
        return picture
    left, top = (min(box[edge] for box, _ in colours) for edge in (0, 1))
    right, bottom = (max(box[edge] for box, _ in colours) + 1 for edge in (2, 3))
    film = Image.new("RGB", (right - left, bottom - top), _WHITE)  # as large as what is marked, not as the page
    pen = ImageDraw.Draw(film)
    for box, colour in colours:
        pen.rectangle((box[0] - left, box[1] - top, box[2] - left, box[3] - top), fill=colour)
    picture.paste(ImageChops.multiply(picture.crop((left, top, right, bottom)), film), (left, top))
    return picture


def _pixels(rect: Rect, size: tuple[int, int]) -> tuple[int, int, int, int]:
    width, height = size
    left, top = min(width - 1, int(rect.x * width)), min(height - 1, int(rect.y * height))
    right, bottom = int((rect.x + rect.width) * width), int((rect.y + rect.height) * height)
    return left, top, max(left, min(right, width - 1)), max(top, min(bottom, height - 1))


def webp(picture: Image.Image) -> bytes:
    """A crisp WebP file: each colour in 32 steps, stored without loss.

    Ink on paper looks the same, and the file is a third smaller and sooner made, most of all where yellow makes many
    colours of few.
    """
    file = io.BytesIO()
    coloured = picture if picture.mode == "RGB" else picture.convert("RGB")
    coloured.point(_STEPPED).save(file, "WEBP", lossless=True, method=1, quality=0)
    return file.getvalue()


def size(file: bytes) -> tuple[int, int]:
    """Width and height of an image file, pixels."""
    with Image.open(io.BytesIO(file)) as opened:
        return opened.size


@dataclass(frozen=True)
class Line:
    """One line of a set page: the stretch (start, end) of the text that stands on it."""

    start: int
    end: int


class Sheet:
    """A text set as a page of `width` pixels, for documents without a layout of their own."""

    def __init__(self, text: str, width: int) -> None:
        self.text = text
        self.width = width
        self.size = max(8, width // 54)
        self.leading = round(self.size * 1.5)
        self.margin = width // 14
        self._font = ImageFont.load_default(self.size)
        most = MAX_SIDE // self.leading - 4
        self.lines = list(islice(self._set(), most))

    @property
    def height(self) -> int:
        """Pixels; at least three quarters of the width, so that a short text looks like a page."""
        return max(self.width * 3 // 4, self.margin * 2 + self.leading * len(self.lines))

    def rects(self, start: int, end: int) -> list[Rect]:
        """Where `text[start:end]` stands, one rectangle a line."""
        found = []
        for row, line in enumerate(self.lines):
            low, high = max(start, line.start), min(end, line.end)
            if low < high:
                left = self.margin + self._font.getlength(self.text[line.start : low])
                right = self.margin + self._font.getlength(self.text[line.start : high])
                found.append(self._rect(left, self.margin + row * self.leading, right))
        return found

    def draw(self) -> Image.Image:
        """The page in black on white."""
        picture = Image.new("RGB", (self.width, self.height), _WHITE)
        pen = ImageDraw.Draw(picture)
        for row, line in enumerate(self.lines):
            place = (self.margin, self.margin + row * self.leading)
            pen.text(place, self.text[line.start : line.end], fill=(0, 0, 0), font=self._font)
        return picture

    def _rect(self, left: float, top: float, right: float) -> Rect:
        from schemas.citation import Rect

        x, y = min(1.0, left / self.width), min(1.0, top / self.height)
        return Rect(
            x=x,
            y=y,
            width=min(1.0 - x, (right - left) / self.width),
            height=min(1.0 - y, self.leading * 0.95 / self.height),
        )

    def _set(self) -> Iterator[Line]:
        start = 0
        for paragraph in self.text.split("\n"):
            yield from self._wrapped(start, start + len(paragraph))
            start += len(paragraph) + 1

    def _wrapped(self, start: int, end: int) -> Iterator[Line]:
        """Lines of a paragraph, broken at spaces; a word wider than the page is broken anywhere."""
        room = self.width - 2 * self.margin
        while end - start > room or self._font.getlength(self.text[start:end]) > room:
            fits = self._fitting(start, end, room)
            space = self.text.rfind(" ", start, fits + 1)
            stop = space if space > start else fits
            yield Line(start, stop)
            start = stop + 1 if space > start else stop
        yield Line(start, end)

    def _fitting(self, start: int, end: int, room: int) -> int:
        """The last position up to which the text from `start` fits, at least one character on."""
        low, high = start + 1, min(end, start + room)  # no character is narrower than a pixel
        while low < high:
            middle = (low + high + 1) // 2
            if self._font.getlength(self.text[start:middle]) <= room:
                low = middle
            else:
                high = middle - 1
        return low
