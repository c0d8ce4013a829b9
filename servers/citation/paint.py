"""The child process that opens originals: it places passages on pages and draws pages with passages in yellow.

A passage travels as `[quote, [[first, count], ...]]`: its words, and where they stand in the page's characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runtime.compute.contract import Frame
from runtime.compute.worker import serve

if TYPE_CHECKING:
    from runtime.pdfium import PdfFile
    from schemas.citation import Rect


def handle(request: Frame) -> Iterator[Frame]:
    """Answer one request of `servers.citation.painter`."""
    match request["do"]:
        case "place":
            yield from _place(request)
        case "draw":
            yield _draw(request)
        case "set":
            yield _set(request)


def _place(request: Frame) -> Iterator[Frame]:
    """Rectangles `[[x, y, width, height], ...]` of each passage of `pages`, a frame a page."""
    from runtime.pdfium import PdfFile

    with PdfFile.open(Path(request["path"])) as file:
        for page, passages in request["pages"]:
            placed = [[_numbers(rect) for rect in rects] for rects in place(file, page, passages)]
            yield {"page": page, "placed": placed}


def place(file: PdfFile, page: int, passages: Sequence[Any]) -> list[list[Rect]]:
    """Rectangles of each passage; none for one whose words the page has not: no box rather than a wrong box."""
    from servers.citation.canonical import bare
    from servers.citation.locate import PageText, exact

    raw = file.page(page).text
    stretches: list[list[tuple[int, int]]] = []
    for quote, given in passages:
        spans = [(first, count) for first, count in given]
        if bare("".join(raw[first : first + count] for first, count in spans)) != bare(quote):
            found = exact(quote, PageText(raw), near=spans[0][0] if spans else 0)
            spans = [(found[0], found[1] - found[0])] if found is not None else []
        stretches.append(spans)
    rects = iter(file.rects(page, [span for spans in stretches for span in spans]))
    return [[rect for _ in spans for rect in next(rects)] for spans in stretches]


def _numbers(rect: Rect) -> list[float]:
    return [rect.x, rect.y, rect.width, rect.height]


def _draw(request: Frame) -> Frame:
    """A page of a PDF as a picture, the passages of `highlights` and the rectangles of `boxes` in yellow."""
    from runtime.paper import size
    from runtime.pdfium import PdfFile
    from schemas.citation import Rect

    with PdfFile.open(Path(request["path"])) as file:
        both = [*request["highlights"], *request["pale"]]
        rects = place(file, request["page"], both) if both else []
        boxes = [Rect(x=x, y=y, width=width, height=height) for x, y, width, height in request["boxes"]]
        strong = [rect for found in rects[: len(request["highlights"])] for rect in found] + boxes
        pale = [rect for found in rects[len(request["highlights"]) :] for rect in found]
        image = file.picture(request["page"], request["width"], strong, pale)
    return {"image": image, "size": list(size(image)), "drawn": len(strong)}


def _set(request: Frame) -> Frame:
    """A text as a picture of a simple page, the stretches `[start, end]` of `highlights` in yellow."""
    from runtime.paper import Sheet, shade, webp

    sheet = Sheet(request["text"], request["width"])
    strong = [rect for start, end in request["highlights"] for rect in sheet.rects(start, end)]
    pale = [rect for start, end in request["pale"] for rect in sheet.rects(start, end)]
    picture = shade(sheet.draw(), strong, pale)
    return {"image": webp(picture), "size": list(picture.size), "drawn": len(strong)}


if __name__ == "__main__":
    serve(handle)
