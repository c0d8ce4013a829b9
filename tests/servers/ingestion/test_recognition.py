"""Pages that are mere pictures: their words are recognised where Tesseract is installed, and said to be."""

import io

import pytest
from PIL import Image, ImageDraw, ImageFont

from runtime import intake
from servers.ingestion.recognition import Recognition, is_blank, is_installed

WORDS = "Keep hands clear of the intake while the motor runs."


def picture(words: str) -> Image.Image:
    sheet = Image.new("RGB", (1650, 600), "white")
    ImageDraw.Draw(sheet).text((80, 200), words, fill="black", font=ImageFont.load_default(48))
    return sheet


def scan(pages: list[str]) -> bytes:
    """A PDF whose pages are pictures of words."""
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(595, 216), invariant=1)
    for words in pages:
        canvas.drawImage(ImageReader(picture(words)), 0, 0, 595, 216)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def test_tesseract_is_there():
    assert is_installed(), "these tests need Tesseract: apt install tesseract-ocr"


@pytest.mark.parametrize(("words", "blank"), [("", True), (WORDS, False)])
def test_a_blank_page_is_told_by_its_contrast(words, blank):
    assert is_blank(picture(words)) is blank


def test_a_budget_of_pages_is_kept():
    recognition = Recognition("eng", pages=1, seconds=60)
    assert recognition.text(picture("")) == ""  # a blank page costs nothing
    assert recognition.is_possible
    assert recognition.text(picture(WORDS)) == WORDS
    assert not recognition.is_possible
    assert recognition.text(picture(WORDS)) == ""


def test_a_language_that_is_not_installed_gives_no_words():
    assert Recognition("xyz", pages=1, seconds=60).text(picture(WORDS)) == ""


async def test_a_scan_becomes_searchable_says_so_and_cannot_be_highlighted(agent):
    document = await agent.ingest("scan.pdf", scan([WORDS, "", "Clean the filter weekly."]))
    assert document.status == "completed", document.error
    assert document.warnings == (
        "2 of 3 pages are pictures whose words were recognised (OCR): they may be misread, and cannot be highlighted",
        "1 of 3 pages have no text",
    )
    first, *_ = await agent.pages(document)
    assert first.text == WORDS
    assert first.offsets == ((0, 0, 0),)
    assert {chunk.page for chunk in await agent.chunks(document)} == {1, 3}


async def test_a_scan_without_words_says_what_was_tried(agent):
    document = await agent.ingest("blank.pdf", scan(["", ""]))
    assert "has words that can be read" in document.error.detail


async def test_a_document_gets_a_small_picture(agent, make_pdf):
    document = await agent.ingest("a.pdf", make_pdf(1))
    file = await agent.on.blobs.get(intake.thumbnail_key("local", document.doc_id))
    with Image.open(io.BytesIO(file)) as small:
        assert (small.format, small.width) == ("WEBP", 240)
