"""Files without a layout give the text that a reader would see, in the order of the file."""

import zipfile
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from runtime.errors import UnreadableDocumentError
from servers.ingestion import blocks, markdown, markup, plain, word
from servers.ingestion.blocks import Block


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_text_is_read_in_every_unicode_form(encoding):
    content = plain.read("Grüße an die Pumpe.\r\n\r\nZweiter Absatz.".encode(encoding))
    assert content.pages == ("Grüße an die Pumpe.\n\nZweiter Absatz.",)
    assert (content.paging, content.warnings) == ("by size", ())


def test_western_text_is_read_and_the_guess_is_told():
    content = plain.read("Grüße – an".encode("cp1252"))
    assert content.pages == ("Grüße – an",)
    assert "Windows-1252" in content.warnings[0]


def test_characters_that_cannot_be_decoded_are_counted():
    text, warnings = plain.decoded(b"\xef\xbb\xbfgood \xff\xfe bad")
    assert text.startswith("good")
    assert warnings == ("2 characters could not be decoded",)


def test_binary_data_is_no_text():
    with pytest.raises(UnreadableDocumentError, match="binary"):
        plain.read(b"\x00\x01\x02\x03\x04\x05\x06")
    with pytest.raises(UnreadableDocumentError, match="binary"):
        markup.read(b"\x00\x01\x02\x03\x04\x05\x06")


def test_form_feeds_are_pages():
    content = plain.read(b"First page\fSecond page\f")
    assert (content.pages, content.paging) == (("First page", "Second page"), "exact")


def test_markdown_is_read_without_its_marks():
    content = markdown.read(
        b"---\ntitle: 'The guide'\nauthor: Ada\ndate: 2024-05-01\n---\n# Use\n\nPrime *the* [pump](http://x.test) "
        b"with `prime()`.\nThen wait.\n\n- one\n- two\n  - three\n\n| Part | Price |\n|---|---|\n| Seal | 3 |\n\n"
        b"```\ncode  here\n```\n\n<p>some <b>HTML</b></p>\n"
    )
    assert (content.title, content.author, content.date) == ("The guide", "Ada", "2024-05-01")
    assert content.pages == (
        "Use\n\nPrime the pump with prime().\nThen wait.\n\none\ntwo\nthree\n\nPart | Price\nSeal | 3\n\n"
        "code  here\n\nsome HTML",
    )


def test_markdown_without_front_matter_keeps_its_rules():
    assert markdown.read(b"above\n\n---\n\nbelow").pages == ("above\n\nbelow",)


def test_html_is_read_as_it_is_seen():
    content = markup.read(
        b"<html><head><title>The\n guide</title><meta name=author content=Ada>"
        b"<meta property='article:published_time' content='2024-05-01'></head><body><nav>Menu</nav>"
        b"<h1>Use <i>it</i></h1><script>evil()</script><style>p{}</style><p>Prime <b>the</b>\n pump.<br>Wait.</p>"
        b"<ul><li>one<li>two</ul><table><caption>Parts</caption><tr><th>Part<th>Price<tr><td>Seal<td>3</table>"
        b"<p hidden>unseen</p><div style='display: none'>unseen</div><!-- unseen --><pre>a\n  b</pre>tail</body></html>"
    )
    assert (content.title, content.author, content.date) == ("The guide", "Ada", "2024-05-01")
    assert content.pages == (
        "Use it\n\nPrime the pump.\nWait.\n\none\ntwo\n\nParts\nPart | Price\nSeal | 3\n\na\n  b\n\ntail",
    )


def test_tables_that_only_lay_out_are_read_like_text():
    content = markup.read(b"<table><tr><td><p>left</p><table><tr><td>1<td>2</table><td>right</table>")
    assert content.pages == ("left\n\n1 | 2\n\nright",)


def test_html_may_nest_as_deep_as_it_likes():
    assert markup.read(b"<div>" * 5000 + b"deep" + b"</div>" * 5000).pages == ("deep",)


@pytest.mark.parametrize(
    "data",
    [
        "<meta charset='gbk'><p>你好世界".encode("gbk"),
        "<p>你好世界".encode(),
        "<p>你好世界".encode("utf-16"),
    ],
)
def test_html_is_decoded_as_it_says_or_else_as_it_looks(data):
    assert markup.read(data).pages == ("你好世界",)


def test_western_html_without_a_word_on_its_encoding_is_read():
    assert markup.read("<p>café naïve".encode("latin-1")).pages == ("café naïve",)


def saved(document, folder: Path) -> Path:
    path = folder / "a.docx"
    document.save(path)
    return path


def test_word_files_keep_the_order_of_paragraphs_and_tables(tmp_path):
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = "The guide", "Ada"
    document.add_heading("Use", 1)
    document.add_paragraph("Prime the pump.\tThen wait.")
    for item in ("one", "two"):
        document.add_paragraph(item, style="List Bullet")
    table = document.add_table(2, 3)
    for row in range(2):
        for column in range(3):
            table.cell(row, column).text = f"{row}.{column}"
    table.cell(1, 0).add_table(1, 1).cell(0, 0).text = "inner"
    document.add_paragraph("After the table.")
    content = word.read(saved(document, tmp_path))
    assert (content.title, content.author, content.paging) == ("The guide", "Ada", "by section")
    assert content.pages == (
        "Use\n\nPrime the pump.\tThen wait.\n\none\ntwo\n\n0.0 | 0.1 | 0.2\n1.0inner | 1.1 | 1.2\n\nAfter the table.",
    )


def test_edits_of_a_word_file_count_and_what_was_deleted_does_not(tmp_path):
    document = docx.Document()
    document.element.body.insert(
        0,
        parse_xml(
            f"<w:p {nsdecls('w')}><w:r><w:t>Kept</w:t></w:r><w:ins w:id='1' w:author='a'><w:r><w:t> added</w:t></w:r>"
            "</w:ins><w:del w:id='2' w:author='a'><w:r><w:delText> gone</w:delText></w:r></w:del>"
            "<w:moveFrom w:id='3' w:author='a'><w:r><w:t> moved</w:t></w:r></w:moveFrom></w:p>"
        ),
    )
    document.element.body.insert(
        1,
        parse_xml(
            f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>In a control</w:t></w:r></w:p></w:sdtContent></w:sdt>"
        ),
    )
    assert word.read(saved(document, tmp_path)).pages == ("Kept added\n\nIn a control",)


def test_a_word_file_that_is_none_is_unreadable(tmp_path):
    path = tmp_path / "a.docx"
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("word/document.xml", "<nothing/>")
    with pytest.raises(UnreadableDocumentError, match="save it again"):
        word.read(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(UnreadableDocumentError, match="damaged or truncated"):
        word.read(path)


def test_pages_begin_at_headings_and_short_sections_share_one():
    paragraph = Block("Words enough to fill a line of text. " * 25)
    pages, paging = blocks.paged(
        [Block("A", "heading"), paragraph, Block("B", "heading"), Block("short"), Block("C", "heading"), paragraph]
    )
    assert paging == "by section"
    assert [page.split("\n")[0] for page in pages] == ["A", "B"]
    assert "\n\nC\n\n" in pages[1]


def test_long_sections_are_cut_between_paragraphs():
    paragraphs = [Block(f"Paragraph {n} has some words in it. " * 20) for n in range(20)]
    pages, paging = blocks.paged(paragraphs)
    assert paging == "by size"
    assert all(page.startswith("Paragraph") and len(page) <= blocks.LONG_PAGE for page in pages)
    assert "\n\n".join(pages) == "\n\n".join(block.text for block in paragraphs)


def test_a_heading_goes_to_the_page_of_its_text():
    long = Block("x" * 3900)
    pages, _ = blocks.paged([long, Block("Late", "heading"), Block("y" * 200)])
    assert pages[1].startswith("Late")


def test_a_paragraph_longer_than_a_page_is_cut_at_sentences():
    text = " ".join(f"This is sentence {n} of a very long paragraph." for n in range(400))
    pages, _ = blocks.paged([Block(text)])
    assert all(page.endswith(".") and len(page) <= blocks.LONG_PAGE for page in pages)
    assert " ".join(page.strip() for page in pages) == text


def test_a_long_table_is_cut_between_rows_and_a_word_without_end_anywhere():
    rows = "\n".join(f"row {n} | {n * 3} | {n * 5}" for n in range(600))
    pages, _ = blocks.paged([Block(rows, "table")])
    assert all(page.lstrip("\n").startswith("row") and len(page) <= blocks.LONG_PAGE for page in pages)
    pages, _ = blocks.paged([Block("x" * 9000)])
    assert [len(page) for page in pages] == [4000, 4000, 1000]


def test_nothing_gives_no_pages():
    assert blocks.paged([Block("  ")]) == ((), "by size")
