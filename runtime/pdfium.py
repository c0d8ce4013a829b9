"""Read and draw PDF files: the one adapter of PDFium, for use inside child processes.

PDFium is not thread-safe: whoever enters it here waits until no other thread is inside. A file that nobody vouches for
is opened in a child process that may die of it.
"""

from __future__ import annotations

import ctypes
import math
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pypdfium2
import pypdfium2.raw as pdfium

from runtime.errors import NotFoundError, UnreadableDocumentError
from runtime.linebox import Box, Glyph, line_rects
from runtime.pdfdate import pdf_date

if TYPE_CHECKING:
    from PIL.Image import Image

    from schemas.citation import Rect

HEADER_BYTES = 1024
"""The `%PDF-` header may follow other bytes, but within these."""
MAX_PIXELS = 24_000_000
"""Largest picture; a page of odd shape is drawn smaller than asked rather than beyond this."""

MAX_CODE = 0x10FFFF
"""The last code point; files with broken encodings claim more."""

_DEVICE = 1 << 20
"""Device units along each side of a page when positions are asked for: a millionth of a page is the grain."""
_ENTRANCE = threading.RLock()
_SAMPLED = 40
"""By so many characters of a page it is told which way its text runs."""
_LEVEL = 0.05
"""How far from level or upright a line may run, rise over run, to be taken for such."""
_SURROGATE_FILLER = "\u200b"


P = ParamSpec("P")
T = TypeVar("T")


def _alone(enter: Callable[P, T]) -> Callable[P, T]:
    """Let one thread of the process enter PDFium at a time."""

    @wraps(enter)
    def entered(*args: P.args, **kwargs: P.kwargs) -> T:
        with _ENTRANCE:
            return enter(*args, **kwargs)

    return entered


@dataclass(frozen=True)
class Metadata:
    """What a file says about itself; None where it says nothing."""

    title: str | None
    author: str | None
    date: datetime | None


@dataclass(frozen=True)
class RawPage:
    """One page as PDFium reads it: `text[i]` is PDFium's character i. Width and height are points, after rotation."""

    text: str
    label: str | None
    width: float
    height: float


class _Leaf:
    """A loaded page and, once asked for, its text."""

    def __init__(self, number: int, page: Any) -> None:
        self.number = number
        self.page = page
        self._text: Any = None

    @property
    def text(self) -> Any:
        if self._text is None:
            self._text = self._upright_text()
        return self._text

    def _upright_text(self) -> Any:
        """The text in its own reading order, however the page is turned.

        PDFium reads words as a page shows them, so on one that is turned it would read lines from their ends.
        """
        text = self.page.get_textpage()
        shown, upright = self.page.get_rotation(), _upright(text)
        if upright == shown:
            return text
        text.close()
        self.page.set_rotation(upright)
        try:
            return self.page.get_textpage()
        finally:
            self.page.set_rotation(shown)

    def close(self) -> None:
        self.page.close()  # its text goes with it


class PdfFile:
    """An open PDF file. Pages are numbered from 1; their text positions are PDFium character indexes.

    The page used last stays loaded, so that its text, rectangles and picture are cheap together.
    """

    def __init__(self, document: Any) -> None:
        self._document = document
        self._leaf: _Leaf | None = None

    @classmethod
    @_alone
    def open(cls, path: Path) -> PdfFile:
        """Open a file. Raises UnreadableDocumentError: no PDF, password protected, damaged, or without pages."""
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
        if b"%PDF-" not in head:
            raise UnreadableDocumentError(
                f"the file is not a PDF: none of its first {HEADER_BYTES} bytes begin `%PDF-`; upload a PDF, "
                "or give the file the ending of what it is"
            )
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise _refusal(error.err_code, path) from error
        with suppress(pypdfium2.PdfiumError):  # what was typed into form fields is drawn too, if it can be
            document.init_forms()
        return cls(document)

    def __enter__(self) -> PdfFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @_alone
    def close(self) -> None:
        """Release the file."""
        self._leaf = None
        self._document.close()  # its pages go with it

    @property
    @_alone
    def page_count(self) -> int:
        """How many pages there are."""
        return len(self._document)

    @property
    @_alone
    def metadata(self) -> Metadata:
        """Title, author and the date it was made (or else last changed)."""
        date = pdf_date(self._meta("CreationDate")) or pdf_date(self._meta("ModDate"))
        return Metadata(self._meta("Title") or None, self._meta("Author") or None, date)

    @_alone
    def page(self, n: int) -> RawPage:
        """The text of page `n`. Raises NotFoundError beyond the last page, UnreadableDocumentError for a broken one."""
        leaf = self._loaded(n)
        return RawPage(_characters(leaf.text), self._label(n), leaf.page.get_width(), leaf.page.get_height())

    @_alone
    def rects(self, n: int, spans: Sequence[tuple[int, int]]) -> list[tuple[Rect, ...]]:
        """Line rectangles on page `n` for each span (first character, count), in the order of the spans.

        Rectangles are fractions of the page as it is seen: rotated and cropped. What lies outside has none.
        """
        leaf = self._loaded(n)
        place = _placement(leaf.page)
        aspect = leaf.page.get_width() / leaf.page.get_height()
        last = leaf.text.count_chars()
        return [
            line_rects(_glyphs(leaf.text, range(max(0, start), min(start + count, last)), place), aspect)
            for start, count in spans
        ]

    def picture(self, n: int, width_px: int, highlights: Sequence[Rect] = (), pale: Sequence[Rect] = ()) -> bytes:
        """Page `n` as a WebP file `width_px` wide, with `highlights` in yellow and `pale` in a lighter one."""
        from runtime.paper import shade, webp  # Pillow

        return webp(shade(self._drawn(n, width_px), highlights, pale))

    @_alone
    def image(self, n: int, *, dots_per_inch: int) -> Image:
        """Page `n` as a picture in memory."""
        return self._drawn(n, max(1, round(self._loaded(n).page.get_width() / 72 * dots_per_inch)))

    @_alone
    def _drawn(self, n: int, width_px: int) -> Image:
        from runtime.paper import MAX_SIDE

        page = self._loaded(n).page
        width, height = page.get_size()
        scale = width_px / width
        scale = min(scale, math.sqrt(MAX_PIXELS / (width * height)), MAX_SIDE / max(width, height))
        # PDFium rounds sizes up; a hair less keeps a width that is met exactly
        bitmap = page.render(scale=scale * (1 - 1e-9), rev_byteorder=True, prefer_bgrx=False)
        image: Image = bitmap.to_pil()  # a copy when it is RGB, else it may look into the bitmap
        return image if image.mode == "RGB" else image.convert("RGB")

    def _loaded(self, n: int) -> _Leaf:
        if not 1 <= n <= self.page_count:
            raise NotFoundError(f"there is no page {n}; the document has pages 1 to {self.page_count}")
        if self._leaf is None or self._leaf.number != n:
            if self._leaf is not None:
                self._leaf.close()
                self._leaf = None
            try:
                self._leaf = _Leaf(n, self._document[n - 1])
            except pypdfium2.PdfiumError as error:
                raise UnreadableDocumentError(
                    f"page {n} of {self.page_count} is damaged and cannot be read; upload an undamaged copy"
                ) from error
        return self._leaf

    def _meta(self, key: str) -> str:
        name = key.encode()
        size = pdfium.FPDF_GetMetaText(self._document, name, None, 0)
        return _utf16(size, lambda buffer: pdfium.FPDF_GetMetaText(self._document, name, buffer, size))

    def _label(self, n: int) -> str | None:
        size = pdfium.FPDF_GetPageLabel(self._document, n - 1, None, 0)
        label = _utf16(size, lambda buffer: pdfium.FPDF_GetPageLabel(self._document, n - 1, buffer, size))
        return label or None


_PAGE = re.compile(rb"/Type\s*/Page\b")
_NO_PAGES = re.compile(rb"/Type\s*/Pages\b[^>]{0,200}/Count\s+0\b|/Count\s+0\b[^>]{0,200}/Type\s*/Pages\b")


def _refusal(code: int | None, path: Path) -> UnreadableDocumentError:
    if code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
        return UnreadableDocumentError("the PDF is password protected; upload a copy that opens without a password")
    content = path.read_bytes()
    if _NO_PAGES.search(content) and not _PAGE.search(content):
        return UnreadableDocumentError("the PDF has no pages; upload one that has")
    return UnreadableDocumentError(
        "the PDF is damaged or truncated: its page tree cannot be read; upload it again, or a repaired copy"
    )


def _utf16(size: int, fill: Any) -> str:
    """Text that PDFium writes as UTF-16 with a closing zero, made clean: odd halves replaced, control codes gone."""
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    fill(buffer)
    text = buffer.raw[: size - 2].decode("utf-16-le", errors="replace")
    return "".join(char if char.isprintable() else " " for char in text).strip()


def _upright(text: Any) -> int:
    """The turn of the page, in degrees clockwise, by which most of its characters stand upright."""
    count = text.count_chars()
    turns = [
        round(-math.degrees(pdfium.FPDFText_GetCharAngle(text, index)) / 90) % 4 * 90
        for index in range(0, count, max(1, count // _SAMPLED))
        if not pdfium.FPDFText_IsGenerated(text, index)
    ]
    return max(sorted(set(turns)), key=turns.count, default=0)


def _characters(text: Any) -> str:
    """The page's characters, one for each PDFium index."""
    count: int = text.count_chars()
    if not count:
        return ""
    whole: str = text.get_text_range(errors="replace")
    if len(whole) == count and "\ufffd" not in whole:
        return whole
    # PDFium leaves some characters out of the running text; one by one they keep their indexes
    return "".join(_paired([pdfium.FPDFText_GetUnicode(text, index) for index in range(count)]))


def _paired(codes: Sequence[int]) -> Iterator[str]:
    """One character for each code: a surrogate pair becomes its character and an invisible filler."""
    high = 0
    for index, code in enumerate(codes):
        following = codes[index + 1] if index + 1 < len(codes) else 0
        if high:
            high = 0
            yield _SURROGATE_FILLER
        elif 0xD800 <= code < 0xDC00 and 0xDC00 <= following < 0xE000:
            high = code
            yield chr(0x10000 + ((code - 0xD800) << 10) + following - 0xDC00)
        elif 0xD800 <= code < 0xE000 or code > MAX_CODE:
            yield "\ufffd"
        else:
            yield chr(code)


Placement = tuple[float, float, float, float, float, float]


def _placement(page: Any) -> Placement:
    """The affine map from page coordinates to fractions of the page as seen (origin top left)."""
    (x0, y0), (x1, y1), (x2, y2) = (_device(page, *point) for point in ((0, 0), (1000, 0), (0, 1000)))
    return ((x1 - x0) / 1000, (x2 - x0) / 1000, x0, (y1 - y0) / 1000, (y2 - y0) / 1000, y0)


def _device(page: Any, x: float, y: float) -> tuple[float, float]:
    left, top = ctypes.c_int(), ctypes.c_int()
    if not pdfium.FPDF_PageToDevice(page, 0, 0, _DEVICE, _DEVICE, 0, x, y, left, top):
        raise UnreadableDocumentError("the page has no size, so nothing can be placed on it; upload a repaired copy")
    return left.value / _DEVICE, top.value / _DEVICE


def _glyphs(text: Any, indexes: range, place: Placement) -> Iterator[Glyph]:
    for index in indexes:
        glyph = _glyph(text, index, place)
        if glyph is not None:
            yield glyph


def _glyph(text: Any, index: int, place: Placement) -> Glyph | None:
    """Where one visible character stands; None for spaces, generated characters and what has no extent."""
    code = pdfium.FPDFText_GetUnicode(text, index)
    if code == 0 or (code <= MAX_CODE and chr(code).isspace()):
        return None
    box = pdfium.FS_RECTF()
    if not pdfium.FPDFText_GetLooseCharBox(text, index, box):
        return None
    a, b, c, d, e, f = place
    xs = [a * x + b * y + c for x in (box.left, box.right) for y in (box.bottom, box.top)]
    ys = [d * x + e * y + f for x in (box.left, box.right) for y in (box.bottom, box.top)]
    found = Box(min(xs), min(ys), max(xs), max(ys))
    if found.right <= found.left or found.bottom <= found.top:
        return None
    angle = pdfium.FPDFText_GetCharAngle(text, index)
    run_x, run_y = a * math.cos(angle) + b * math.sin(angle), d * math.cos(angle) + e * math.sin(angle)
    across, along = sorted((abs(run_x), abs(run_y)))
    return Glyph(found, upright=abs(run_x) >= abs(run_y), is_aslant=across > _LEVEL * along)
