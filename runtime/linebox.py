"""Merge the boxes of characters into one rectangle a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.citation import Rect

GAP = 1.5
"""Widest gap within a line, in line heights; a wider one is the gap between two columns."""
OVERLAP = 0.5
"""Two characters stand on one line when they share this part of the lower one's height."""


@dataclass(frozen=True)
class Box:
    """Edges as fractions of the page, origin top left."""

    left: float
    top: float
    right: float
    bottom: float

    def turned(self) -> Box:
        """The same box with the axes exchanged."""
        return Box(self.top, self.left, self.bottom, self.right)

    def around(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True)
class Glyph:
    """A character's box; `upright` when its line runs across the page as seen, not up or down.

    It `is_aslant` when its line does neither: a box around such a line would hold what stands above and below it.
    """

    box: Box
    upright: bool = True
    is_aslant: bool = False


def line_rects(glyphs: Iterable[Glyph], aspect: float = 1.0) -> tuple[Rect, ...]:
    """One rectangle for each stretch of a line, in reading order, cut to the page; one a letter where lines run aslant.

    `aspect` is the page's width over its height, for fractions of the two are not the same length.
    """
    lines: list[tuple[Glyph, Box]] = []
    for glyph in glyphs:
        if lines and _continues(lines[-1], glyph, aspect):
            lines[-1] = glyph, lines[-1][1].around(glyph.box)
        else:
            lines.append((glyph, glyph.box))
    return tuple(rect for _, box in lines if (rect := _rect(box)) is not None)


def _continues(line: tuple[Glyph, Box], glyph: Glyph, aspect: float) -> bool:
    """Whether the character goes on the line: same direction, same height, no gap as wide as between columns."""
    last, box = line
    if last.upright != glyph.upright or last.is_aslant or glyph.is_aslant:
        return False
    before, after = (last.box, glyph.box) if glyph.upright else (last.box.turned(), glyph.box.turned())
    whole = box if glyph.upright else box.turned()
    lower = min(before.bottom - before.top, after.bottom - after.top)
    shared = min(before.bottom, after.bottom) - max(before.top, after.top)
    gap = max(after.left - whole.right, whole.left - after.right)
    height_across = max(after.bottom - after.top, before.bottom - before.top)
    across = height_across / aspect if glyph.upright else height_across * aspect
    return shared >= OVERLAP * lower and gap <= GAP * across


def _rect(box: Box) -> Rect | None:
    left, top, right, bottom = (
        round(min(1.0, max(0.0, edge)), 5) for edge in (box.left, box.top, box.right, box.bottom)
    )
    if right <= left or bottom <= top:
        return None
    return Rect(x=left, y=top, width=round(right - left, 5), height=round(bottom - top, 5))
