"""PDF files are read character by character, and rectangles lie on the words they are asked for."""

from __future__ import annotations

import io
import zlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from PIL import Image
from reportlab.lib.colors import black, red
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from runtime.errors import NotFoundError, UnreadableDocumentError
from runtime.pdfdate import pdf_date
from runtime.pdfium import PdfFile

LEFT = ["Alpha bravo charlie delta", "echo foxtrot golf hotel", "india juliett kilo lima"]
RIGHT = ["Mike november oscar papa", "quebec romeo sierra tango", "uniform victor whisky"]


def draw_words(canvas: Canvas, lines: list[str], x: float, y: float, marked: str = "") -> None:
    """Lines of words; those in `marked` are red, so that a picture tells them from the others."""
    for row, line in enumerate(lines):
        at = x
        for word in line.split():
            canvas.setFillColor(red if word in marked.split() else black)
            canvas.drawString(at, y - 20 * row, word)
            at += canvas.stringWidth(word + " ")


@pytest.fixture
def make_pdf(tmp_path):
    def make(draw, name="made.pdf", **options):
        path = tmp_path / name
        canvas = Canvas(str(path), pagesize=(500, 400), **options)
        draw(canvas)
        canvas.showPage()
        canvas.save()
        return path

    return make


def quote_spans(text: str, quote: str) -> tuple[int, int]:
    start = text.index(quote.split()[0])
    end = text.index(quote.split()[-1], start) + len(quote.split()[-1])
    return start, end - start


def assert_covers_only_red(path, quote: str) -> None:
    """Every red pixel of the page lies in the rectangles of the quote, and no black one does."""
    with PdfFile.open(path) as file:
        rects = file.rects(1, [quote_spans(file.page(1).text, quote)])[0]
        picture = Image.open(io.BytesIO(file.picture(1, 1000))).convert("RGB")
    width, height = picture.size

    def inside(x: int, y: int) -> bool:
        return any(
            r.x * width - 1 <= x <= (r.x + r.width) * width + 1
            and r.y * height - 1 <= y <= (r.y + r.height) * height + 1
            for r in rects
        )

    pixels = picture.load()
    reds = blacks = 0
    for y in range(height):
        for x in range(width):
            r, g, b = pixels[x, y]
            if r > 180 and g < 90 and b < 90:
                reds += 1
                assert inside(x, y), f"a word of the quote is not covered at {x}, {y}"
            elif r < 90 and g < 90 and b < 90:
                blacks += 1
                assert not inside(x, y), f"a word outside the quote is covered at {x}, {y}"
    assert reds > 100
    assert blacks > 100


def test_two_columns_have_rectangles_in_their_own_column(make_pdf):
    quote = "golf hotel india juliett"

    def draw(canvas):
        draw_words(canvas, LEFT, 40, 350, quote)
        draw_words(canvas, RIGHT, 270, 350)

    path = make_pdf(draw)
    assert_covers_only_red(path, quote)
    with PdfFile.open(path) as file:
        (rects,) = file.rects(1, [quote_spans(file.page(1).text, quote)])
    assert len(rects) == 2  # one a line
    assert all(rect.x + rect.width < 0.5 for rect in rects)


def upright(canvas: Canvas, turn: int) -> None:
    """Turn the page, and what is drawn on it the other way, so that it is seen upright."""
    canvas.setPageRotation(turn)
    canvas.translate(*{90: (500, 0), 180: (500, 400), 270: (0, 400)}[turn])
    canvas.rotate(turn)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_rotated_page_has_rectangles_where_it_is_seen(make_pdf, turn):
    quote = "golf hotel india juliett"

    def draw(canvas):
        upright(canvas, turn)
        draw_words(canvas, LEFT, 40, 350, quote)

    path = make_pdf(draw)
    assert_covers_only_red(path, quote)
    with PdfFile.open(path) as file:
        (rects,) = file.rects(1, [quote_spans(file.page(1).text, quote)])
    assert len(rects) == 2
    assert all(rect.width > rect.height for rect in rects)


@pytest.mark.parametrize("turn", [90, 270])
def test_a_page_turned_on_its_side_has_rectangles_on_their_side(make_pdf, turn):
    quote = "golf hotel india juliett"

    def draw(canvas):
        canvas.setPageRotation(turn)
        draw_words(canvas, LEFT, 40, 350, quote)

    assert_covers_only_red(make_pdf(draw), quote)


def test_text_that_runs_up_the_page_has_one_rectangle_a_line(make_pdf):
    quote = "golf hotel india juliett"

    def draw(canvas):
        canvas.rotate(90)
        draw_words(canvas, LEFT, 40, -100, quote)

    path = make_pdf(draw)
    assert_covers_only_red(path, quote)
    with PdfFile.open(path) as file:
        (rects,) = file.rects(1, [quote_spans(file.page(1).text, quote)])
    assert len(rects) == 2


def test_a_cropped_page_is_measured_from_its_crop_box(make_pdf):
    quote = "echo foxtrot"

    def draw(canvas):
        canvas.setCropBox((30, 200, 330, 390))
        draw_words(canvas, LEFT, 40, 350, quote)

    path = make_pdf(draw)
    assert_covers_only_red(path, quote)
    with PdfFile.open(path) as file:
        page = file.page(1)
    assert (round(page.width), round(page.height)) == (300, 190)


def test_words_outside_the_crop_box_have_no_rectangles(make_pdf):
    def draw(canvas):
        canvas.setCropBox((30, 200, 330, 390))
        draw_words(canvas, ["inside"], 40, 350)
        draw_words(canvas, ["outside"], 40, 100)

    with PdfFile.open(make_pdf(draw)) as file:
        text = file.page(1).text
        outside = text.find("outside")
        spans = [quote_spans(text, "inside")] + ([(outside, 7)] if outside >= 0 else [])
        found = file.rects(1, spans)
    assert len(found[0]) == 1
    assert all(rects == () for rects in found[1:])


def test_a_word_broken_at_a_line_end_is_covered_on_both_lines(make_pdf):
    def draw(canvas):
        draw_words(canvas, ["we study computa-", "tion of things"], 40, 350, "computa- tion")

    path = make_pdf(draw)
    with PdfFile.open(path) as file:
        text = file.page(1).text
    assert "computa" in text
    assert "computa-\r\ntion" not in text  # PDFium marks the hyphen as one that ends a line
    assert_covers_only_red(path, "computa tion")


def test_a_span_beyond_the_text_and_an_empty_span_have_no_rectangles(make_pdf):
    with PdfFile.open(make_pdf(lambda canvas: draw_words(canvas, LEFT, 40, 350))) as file:
        assert file.rects(1, [(9999, 5), (0, 0), (0, 5)])[:2] == [(), ()]


def test_text_indexes_are_those_of_pdfium_for_characters_outside_the_basic_plane(tmp_path):
    path = tmp_path / "astral.pdf"
    path.write_bytes(astral_pdf())
    with PdfFile.open(path) as file:
        text = file.page(1).text
        at = text.index("\U0001d400")
        after = text.index("z")
        rects = file.rects(1, [(at, 1), (after, 1), (text.index("a"), 1)])
    text.encode()
    (astral,), (z,), (a,) = rects
    assert a.x < astral.x < z.x


def astral_pdf() -> bytes:
    """A page with the three characters a, U+1D400 and z, the second by way of a ToUnicode map."""
    cmap = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
        b"1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <62> <D835DC00> endbfchar "
        b"endcmap end end"
    )
    content = b"BT /F1 24 Tf 50 100 Td (abz) Tj ET"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
        b"<< /Length %d >> stream\n%s\nendstream" % (len(cmap), cmap),
    ]
    return pdf_of(objects)


def pdf_of(objects: list[bytes]) -> bytes:
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + table + trailer


# opening -------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_pdf_is_named_as_such(tmp_path):
    path = tmp_path / "letter.pdf"
    path.write_bytes(b"Dear reader, this is plain text.")
    with pytest.raises(UnreadableDocumentError, match="not a PDF"):
        PdfFile.open(path)


def test_a_locked_file_asks_for_a_copy_without_password(make_pdf):
    path = make_pdf(lambda c: draw_words(c, LEFT, 40, 350), encrypt=StandardEncryption("secret", strength=128))
    with pytest.raises(UnreadableDocumentError, match="password"):
        PdfFile.open(path)


def test_a_file_cut_short_is_called_damaged(make_pdf, tmp_path):
    whole = make_pdf(lambda c: draw_words(c, LEFT, 40, 350)).read_bytes()
    cut = tmp_path / "cut.pdf"
    cut.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(UnreadableDocumentError, match="damaged or truncated"):
        PdfFile.open(cut)


def test_a_file_without_pages_says_so(tmp_path):
    path = tmp_path / "empty.pdf"
    path.write_bytes(pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [] /Count 0 >>"]))
    with pytest.raises(UnreadableDocumentError, match="no pages"):
        PdfFile.open(path)


@pytest.mark.parametrize("n", [0, -1, 2])
def test_a_page_that_does_not_exist_is_refused_with_the_pages_there_are(make_pdf, n):
    with PdfFile.open(make_pdf(lambda c: draw_words(c, LEFT, 40, 350))) as file:
        for work in (lambda: file.page(n), lambda: file.rects(n, []), lambda: file.picture(n, 200)):
            with pytest.raises(NotFoundError, match=f"no page {n}; the document has pages 1 to 1"):
                work()


def test_a_damaged_page_does_not_spoil_the_others(tmp_path):
    content = zlib.compress(b"BT /F1 24 Tf 50 100 Td (fine) Tj ET")
    path = tmp_path / "half.pdf"
    path.write_bytes(
        pdf_of(
            [
                b"<< /Type /Catalog /Pages 2 0 R >>",
                b"<< /Type /Pages /Kids [3 0 R 9 0 R] /Count 2 >>",
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
                b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
                b"<< /Length %d /Filter /FlateDecode >> stream\n%s\nendstream" % (len(content), content),
            ]
        )
    )
    with PdfFile.open(path) as file:
        assert file.page(1).text == "fine"
        with pytest.raises((UnreadableDocumentError, NotFoundError)):
            file.page(2)


# metadata, labels, pictures ------------------------------------------------------------------------------------------


def test_metadata_is_what_the_file_says_about_itself(make_pdf):
    def draw(canvas):
        canvas.setTitle("Ünïcode manual")
        canvas.setAuthor("Jane Roe")
        draw_words(canvas, LEFT, 40, 350)

    with PdfFile.open(make_pdf(draw)) as file:
        found = file.metadata
    assert (found.title, found.author) == ("Ünïcode manual", "Jane Roe")
    assert found.date is not None
    assert found.date.tzinfo is not None


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("D:20230815234220Z", datetime(2023, 8, 15, 23, 42, 20, tzinfo=UTC)),
        ("D:20180202090319-05'00'", datetime(2018, 2, 2, 9, 3, 19, tzinfo=timezone(timedelta(hours=-5)))),
        ("D:20180202090319+0530", datetime(2018, 2, 2, 9, 3, 19, tzinfo=timezone(timedelta(hours=5, minutes=30)))),
        ("20180202", datetime(2018, 2, 2, tzinfo=UTC)),
        ("D:2018", datetime(2018, 1, 1, tzinfo=UTC)),
        ("D:20181399", None),
        ("last Tuesday", None),
        ("", None),
    ],
)
def test_pdf_dates_are_read_with_their_zone(text, date):
    assert pdf_date(text) == date


def test_page_labels_are_the_printed_numbers(make_pdf):
    def draw(canvas):
        canvas.addPageLabel(0, "ROMAN_LOWER", 4)
        draw_words(canvas, LEFT, 40, 350)
        canvas.showPage()
        draw_words(canvas, RIGHT, 40, 350)

    with PdfFile.open(make_pdf(draw)) as file:
        assert [file.page(n).label for n in (1, 2)] == ["iv", "v"]


def test_a_file_without_labels_has_none(make_pdf):
    with PdfFile.open(make_pdf(lambda c: draw_words(c, LEFT, 40, 350))) as file:
        assert file.page(1).label is None


def test_a_picture_has_the_width_asked_for_and_keeps_ink_black_under_yellow(make_pdf):
    with PdfFile.open(make_pdf(lambda c: draw_words(c, LEFT, 40, 350))) as file:
        rects = file.rects(1, [quote_spans(file.page(1).text, "golf hotel")])[0]
        plain = Image.open(io.BytesIO(file.picture(1, 918)))
        shaded = Image.open(io.BytesIO(file.picture(1, 918, rects)))
        pale = Image.open(io.BytesIO(file.picture(1, 918, (), rects)))
    assert plain.format == "WEBP"
    assert plain.size == shaded.size == (918, 735)
    rect = rects[0]
    box = tuple(
        int(edge) for edge in (rect.x * 918, rect.y * 735, (rect.x + rect.width) * 918, (rect.y + rect.height) * 735)
    )
    colours = {
        name: picture.convert("RGB").crop(box).getcolors(99999)
        for name, picture in (("plain", plain), ("shaded", shaded), ("pale", pale))
    }
    assert (255, 255, 255) in [colour for _, colour in colours["plain"]]
    assert (255, 255, 255) not in [colour for _, colour in colours["shaded"]]
    darkest = min(colours["plain"], key=lambda item: sum(item[1]))[1]
    assert min(colours["shaded"], key=lambda item: sum(item[1]))[1] == darkest == (0, 0, 0)
    blue = {name: max(colour[2] for _, colour in found) for name, found in colours.items()}
    assert blue["shaded"] < blue["pale"] < blue["plain"]


def test_a_page_seen_upside_down_is_read_in_its_own_order_and_shown_as_it_is(make_pdf):
    def draw(canvas):
        canvas.setPageRotation(180)
        draw_words(canvas, LEFT, 40, 350)

    with PdfFile.open(make_pdf(draw)) as file:
        text = file.page(1).text
        (rects,) = file.rects(1, [quote_spans(text, "Alpha bravo")])
    assert text.split() == " ".join(LEFT).split()
    assert rects[0].y > 0.5  # the first line stands at the bottom of what is seen


def test_a_page_of_odd_shape_is_drawn_smaller_rather_than_huge(make_pdf):
    def draw(canvas):
        canvas.setPageSize((10, 14000))
        canvas.drawString(1, 1, "x")

    with PdfFile.open(make_pdf(draw)) as file:
        picture = Image.open(io.BytesIO(file.picture(1, 2400)))
    assert picture.width * picture.height <= 24_100_000
    assert max(picture.size) <= 16_383  # the longest side of a WebP file
