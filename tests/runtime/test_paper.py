"""A text becomes a page whose lines fit, and passages are shaded where their words stand."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops

from runtime.paper import MAX_SIDE, Sheet, shade, size, webp
from schemas.citation import Rect


def lines(sheet: Sheet) -> list[str]:
    return [sheet.text[line.start : line.end] for line in sheet.lines]


def test_short_lines_stay_as_they_are():
    assert lines(Sheet("one\n\ntwo words", 800)) == ["one", "", "two words"]


def test_long_lines_break_at_spaces_and_lose_no_word():
    text = "several words of a long paragraph " * 20
    sheet = Sheet(text, 600)
    assert len(sheet.lines) > 3
    assert " ".join(lines(sheet)).split() == text.split()


def test_a_word_wider_than_the_page_is_broken():
    sheet = Sheet("x" * 500, 400)
    assert len(sheet.lines) > 2
    assert "".join(lines(sheet)) == "x" * 500


def test_a_passage_has_one_rectangle_a_line_from_its_first_to_its_last_letter():
    sheet = Sheet("first line\nsecond line\nthird", 800)
    rects = sheet.rects(6, 17)
    assert len(rects) == 2
    assert rects[0].x > rects[1].x
    assert rects[0].y < rects[1].y
    assert sheet.rects(3, 3) == []


@pytest.mark.timeout(60)
def test_a_very_long_text_ends_with_the_largest_picture():
    sheet = Sheet("word " * 400_000, 300)
    assert sheet.height <= MAX_SIDE


def test_a_drawn_sheet_has_ink_and_a_picture_its_size():
    sheet = Sheet("Some words", 400)
    drawn = sheet.draw()
    assert drawn.getextrema()[0][0] < 60
    assert size(webp(drawn)) == drawn.size == (400, 300)


def test_shading_keeps_the_picture_where_nothing_is_marked():
    white = Image.new("RGB", (100, 50), (255, 255, 255))
    assert shade(white, []) is white
    shaded = shade(white, [Rect(x=0, y=0, width=0.5, height=1)], [Rect(x=0.25, y=0, width=0.75, height=1)])
    assert shaded.getpixel((10, 10)) == (255, 239, 82)
    assert shaded.getpixel((40, 10)) == (255, 239, 82)  # the stronger one wins where both lie
    assert shaded.getpixel((80, 10)) == (255, 247, 206)


def test_a_picture_keeps_every_pixel_but_for_the_finest_steps_of_its_colours():
    picture = Image.effect_noise((40, 40), 60).convert("RGB")
    with Image.open(io.BytesIO(webp(picture))) as kept:
        off = ImageChops.difference(kept.convert("RGB"), picture)
    assert max(most for _, most in off.getextrema()) <= 4


def test_ink_and_paper_keep_their_colours():
    for colour in ((0, 0, 0), (255, 255, 255)):
        with Image.open(io.BytesIO(webp(Image.new("RGB", (8, 8), colour)))) as kept:
            assert kept.convert("RGB").getpixel((4, 4)) == colour


def test_shading_stays_on_the_page():
    white = Image.new("RGB", (100, 50), (255, 255, 255))
    edge = shade(white, [Rect(x=1, y=1, width=0, height=0), Rect(x=0.9, y=0.9, width=0.1, height=0.1)])
    assert edge.size == white.size
    assert edge.getpixel((99, 49)) == (255, 239, 82)
    assert edge.getpixel((80, 30)) == (255, 255, 255)
