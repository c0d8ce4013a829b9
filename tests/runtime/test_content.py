"""Results as MCP content: words, fields, and pictures as images wherever in a result they are."""

from __future__ import annotations

from runtime.content import bare, is_pictured, tool_result
from schemas.citation import PageImage
from schemas.message import Message
from schemas.picture import Picture
from schemas.query import Answered, Run
from schemas.skills import ListDocuments


def picture(data: str) -> Picture:
    return Picture(media_type="image/webp", base64=data, width=1, height=1)


def page(number: int) -> PageImage:
    return PageImage(
        doc_id="d", doc="m.pdf", page=number, pages=9, highlights=1, located=True, picture=picture(f"page{number}")
    )


class Album(Message):
    name: str
    cover: Picture
    pages: tuple[PageImage, ...]


ALBUM = Album(name="Mill", cover=picture("cover"), pages=(page(1), page(2)))


def test_which_results_can_hold_pictures_is_known_from_their_types() -> None:
    assert [is_pictured(kind) for kind in (Picture, PageImage, Answered, Album)] == [False, True, True, True]
    assert not is_pictured(Run)
    assert not is_pictured(ListDocuments)


def test_each_picture_stands_with_the_words_about_it() -> None:
    told = tool_result(ALBUM)
    assert [getattr(block, "data", "words") for block in told.content] == [
        "cover", "words", "page1", "words", "page2", "words",
    ]  # fmt: skip
    assert told.content[3].text == "m.pdf, page 1 of 9. Rectangles in yellow: 1."


def test_the_fields_leave_out_the_bytes_of_pictures_only() -> None:
    fields = tool_result(ALBUM).structured_content
    assert fields is not None
    assert (fields["name"], fields["cover"]["base64"], fields["cover"]["width"]) == ("Mill", "", 1)
    assert [found["picture"]["base64"] for found in fields["pages"]] == ["", ""]
    assert bare(ListDocuments()) == ListDocuments()
