"""Whatever the shape of a page, boxes cover the ink of the quote and no other: looked up in the pixels of its picture.

The words of each quote are drawn in red, all others in black.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import RectangleObject
from reportlab.lib.colors import black, red
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from runtime.pdfium import PdfFile
from schemas.citation import Rect
from schemas.skills import Locate
from servers.citation import server
from tests.servers.citation.conftest import Library, pages_of

FONT, SIZE = "Vera", 10
WIDTH, HEIGHT = 500, 400
BEFORE = "The kettle holds two litres and never boils dry because a sensor stops it in time."
QUOTE = (
    "The grinder turns roasted beans into powder within seconds, and its office edition "
    "stays quiet even where many people work."
)
AFTER = "Spare parts remain in stock for ten years after the last sale."
PIXELS = 1000
SLACK = 2
"""Pixels that smoothed edges of letters may reach beyond a box."""

Line = tuple[float, float, float]
"""Where a line begins and how wide it may be, points."""


@dataclass(frozen=True)
class Pen:
    """Writes words, red ones when they belong to the quote."""

    canvas: Canvas
    size: float = SIZE

    def width(self, text: str) -> float:
        return float(pdfmetrics.stringWidth(text, FONT, self.size))

    def word(self, word: str, x: float, y: float, wanted: bool) -> None:
        self.canvas.setFont(FONT, self.size)
        self.canvas.setFillColor(red if wanted else black)
        self.canvas.drawString(x, y, word)

    def words(self, marked: list[tuple[str, bool]], places: list[Line], justify: bool) -> None:
        """Fill the lines with words, one after the other."""
        left = list(marked)
        for x, y, width in places:
            line: list[tuple[str, bool]] = []
            while left and self.width(" ".join([*(word for word, _ in line), left[0][0]])) <= width:
                line.append(left.pop(0))
            gap = self.width(" ")
            if justify and left and len(line) > 1:
                gap = (width - sum(self.width(word) for word, _ in line)) / (len(line) - 1)
            at = x
            for word, wanted in line:
                self.word(word, at, y, wanted)
                at += self.width(word) + gap
        assert not left, "the text does not fit"


def marked(quote: str = QUOTE) -> list[tuple[str, bool]]:
    return (
        [(word, False) for word in BEFORE.split()]
        + [(word, True) for word in quote.split()]
        + [(word, False) for word in AFTER.split()]
    )


def lines(x: float, top: float, width: float, count: int, leading: float = 15) -> list[Line]:
    return [(x, top - leading * row, width) for row in range(count)]


# pages ---------------------------------------------------------------------------------------------------------------


def one_column(canvas: Canvas) -> None:
    Pen(canvas).words(marked(), lines(40, 350, 300, 10), justify=False)


def justified(canvas: Canvas) -> None:
    Pen(canvas).words(marked(), lines(40, 350, 260, 10), justify=True)


def two_columns(canvas: Canvas) -> None:
    """The quote begins at the foot of the left column and goes on at the head of the right one."""
    Pen(canvas).words(marked(), lines(40, 120, 180, 5) + lines(240, 350, 180, 8), justify=True)
    Pen(canvas).words([(word, False) for word in BEFORE.split()], lines(40, 180, 180, 3), justify=False)
    Pen(canvas).words([(word, False) for word in AFTER.split()], lines(240, 180, 180, 3), justify=False)


def broken_words(canvas: Canvas) -> None:
    pen = Pen(canvas)
    pen.words([(word, False) for word in BEFORE.split()], lines(40, 350, 250, 3), justify=False)
    rows = (
        "The grinder turns roasted beans into pow-",
        "der within seconds, and its office edi-",
        "tion stays quiet even where many people work.",
    )
    for row, words in enumerate(rows):
        pen.word(words, 40, 300 - 15 * row, True)
    pen.words([(word, False) for word in AFTER.split()], lines(40, 255, 250, 3), justify=False)


def ligatures(canvas: Canvas) -> None:
    Pen(canvas).words(marked(QUOTE.replace("office", "of\ufb01ce")), lines(40, 350, 300, 10), justify=False)


def letter_by_letter(canvas: Canvas) -> None:
    """Each letter is an object of its own, as some programs write them."""
    pen = Pen(canvas)
    x, y = 40.0, 350.0
    for word, wanted in marked():
        if x + pen.width(word) > 340:
            x, y = 40.0, y - 15
        for letter in word:
            pen.word(letter, x, y, wanted)
            x += pen.width(letter)
        x += pen.width(" ")


def small_capitals(canvas: Canvas) -> None:
    """Capitals of two sizes within each word of the quote."""
    large, small = Pen(canvas), Pen(canvas, 7.5)
    x, y = 40.0, 350.0
    for word, wanted in marked():
        first, rest = (word[:1].upper(), word[1:].upper()) if wanted else (word[:1], word[1:])
        tail = small if wanted else large
        if x + large.width(word.upper()) > 360:
            x, y = 40.0, y - 15
        large.word(first, x, y, wanted)
        tail.word(rest, x + large.width(first), y, wanted)
        x += large.width(first) + tail.width(rest) + large.width(" ")


def notes_above_the_line(canvas: Canvas) -> None:
    pen, note = Pen(canvas), Pen(canvas, 6)
    rows = [("The grinder turns roasted beans into powder", "1"), ("within seconds, and its office edition", "2")]
    pen.words([(word, False) for word in BEFORE.split()], lines(40, 350, 300, 3), justify=False)
    for row, (words, number) in enumerate(rows):
        pen.word(words, 40, 310 - 15 * row, True)
        note.word(number, 40 + pen.width(words), 314 - 15 * row, True)
    pen.word("stays quiet even where many people work.", 40, 280, True)
    pen.word(AFTER, 40, 265, False)


def set_solid(canvas: Canvas) -> None:
    """Lines as close as the letters are high."""
    Pen(canvas).words(marked(), lines(40, 350, 300, 10, leading=SIZE), justify=False)


def table_row(canvas: Canvas) -> None:
    pen = Pen(canvas)
    for row, (wanted, cells) in enumerate(
        [
            (False, ("Kettle with a sensor and a lid", "1,204", "1,377")),
            (True, ("The grinder turns roasted beans", "3,310", "2,950")),
            (False, ("Spare parts in stock for years", "512", "498")),
        ]
    ):
        for column, cell in enumerate(cells):
            pen.word(cell, 40 + 150 * column + (60 if column else 0), 350 - 14 * row, wanted)


def up_the_page(canvas: Canvas) -> None:
    canvas.rotate(90)
    Pen(canvas).words(marked(), lines(40, -100, 300, 10), justify=False)


def down_the_page(canvas: Canvas) -> None:
    canvas.rotate(-90)
    Pen(canvas).words(marked(), lines(-350, 100, 300, 10), justify=False)


def aslant(canvas: Canvas) -> None:
    canvas.translate(60, 60)
    canvas.rotate(30)
    Pen(canvas).words(marked(), lines(0, 120, 330, 10, leading=24), justify=False)


PAGES = [
    one_column,
    justified,
    two_columns,
    broken_words,
    ligatures,
    letter_by_letter,
    small_capitals,
    notes_above_the_line,
    set_solid,
    table_row,
    up_the_page,
    down_the_page,
    aslant,
]
QUOTES = {table_row: "The grinder turns roasted beans 3,310 2,950"}


# sheets --------------------------------------------------------------------------------------------------------------


def turned(degrees: int) -> Callable[[PageObject], None]:
    def change(page: PageObject) -> None:
        page.rotate(degrees)

    return change


def cropped(page: PageObject) -> None:
    page.cropbox = RectangleObject((20, 25, WIDTH - 30, HEIGHT - 15))


def shifted(page: PageObject) -> None:
    """The sheet begins elsewhere than at zero, and the crop box within it."""
    page.mediabox = RectangleObject((-60, -45, WIDTH + 15, HEIGHT + 35))
    page.cropbox = RectangleObject((-20, -10, WIDTH - 5, HEIGHT + 10))


def shifted_and_turned(page: PageObject) -> None:
    shifted(page)
    page.rotate(90)


def cropped_and_turned(page: PageObject) -> None:
    cropped(page)
    page.rotate(270)


SHEETS = {
    "plain": turned(0),
    "turned 90": turned(90),
    "turned 180": turned(180),
    "turned 270": turned(270),
    "cropped": cropped,
    "shifted": shifted,
    "shifted and turned": shifted_and_turned,
    "cropped and turned": cropped_and_turned,
}


def made(change: Callable[[PdfWriter], None]) -> bytes:
    """A file with all pages, each on a sheet of this kind."""
    pdfmetrics.registerFont(TTFont(FONT, "Vera.ttf"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(WIDTH, HEIGHT), invariant=1)
    for draw in PAGES:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    writer = PdfWriter(clone_from=PdfReader(file))
    for page in writer.pages:
        change(page)
    changed = io.BytesIO()
    writer.write(changed)
    return changed.getvalue()


# the truth -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ink:
    """How many pixels of the quote and of other words lie in the boxes and beside them."""

    covered: int
    bare: int
    foreign: int
    other: int


def ink(file: PdfFile, page: int, rects: list[Rect]) -> Ink:
    picture = np.asarray(Image.open(io.BytesIO(file.picture(page, PIXELS))).convert("RGB")).astype(int)
    height, width, _ = picture.shape
    around, within = np.zeros((height, width), bool), np.zeros((height, width), bool)
    for rect in rects:
        left, top = round(rect.x * width), round(rect.y * height)
        right, bottom = round((rect.x + rect.width) * width), round((rect.y + rect.height) * height)
        around[max(0, top - SLACK) : bottom + SLACK + 1, max(0, left - SLACK) : right + SLACK + 1] = True
        within[top + SLACK : bottom - SLACK + 1, left + SLACK : right - SLACK + 1] = True
    wanted = (picture[..., 0] > 180) & (picture[..., 1:].max(axis=2) < 90)
    others = picture.max(axis=2) < 90
    return Ink(
        covered=int((wanted & around).sum()),
        bare=int((wanted & ~around).sum()),
        foreign=int((others & within).sum()),
        other=int((others & ~within).sum()),
    )


@pytest.mark.parametrize("sheet", SHEETS)
async def test_boxes_cover_the_ink_of_the_quote_and_no_other(library: Library, tmp_path: Path, sheet: str):
    path = tmp_path / "made.pdf"
    path.write_bytes(made(SHEETS[sheet]))
    document = await library.add("made.pdf", path.read_bytes(), pages_of(path))
    with PdfFile.open(path) as file:
        for number, draw in enumerate(PAGES, 1):
            quote = QUOTES.get(draw, QUOTE)
            found = await server.locate(Locate(doc_id=document.doc_id, quote=quote, page=number), library.call)
            assert found.match == ("fuzzy" if draw is notes_above_the_line else "exact"), draw.__name__
            seen = ink(file, number, [rect for span in found.spans for rect in span.rects])
            assert seen.bare == seen.foreign == 0, f"{draw.__name__}: {seen}"
            assert min(seen.covered, seen.other) > 400, f"{draw.__name__}: {seen}"
