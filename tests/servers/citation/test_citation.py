"""The citation agent ties answers to pages that exist, finds quotes, and shows pages with them in yellow."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import pytest
from PIL import Image

from runtime import intake
from runtime.caller import Caller
from runtime.errors import (
    ConflictError,
    NotFoundError,
    UnreadableDocumentError,
)
from runtime.records.contract import PageRecord
from schemas.citation import Rect, Span
from schemas.message import TenantId, VersionId
from schemas.skills import Cite, Locate, ShowPage
from servers.citation import server
from servers.citation.painter import Painters, Passage, painters, place
from servers.citation.settings import CitationSettings

HANDS = "Keep hands clear of the intake while the motor runs."


def picture(shown) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(shown.picture.base64))).convert("RGB")


def yellow_rows(image: Image.Image) -> set[int]:
    width, height = image.size
    pixels = image.load()
    return {y for y in range(height) for x in range(0, width, 4) if pixels[x, y] == (255, 239, 82)}


# cite ----------------------------------------------------------------------------------------------------------------


async def test_every_marker_gives_a_verbatim_quote_of_an_existing_page(library, manual, notes):
    chunks = (await library.chunk(manual, 1), await library.chunk(manual, 2), await library.chunk(notes, 1))
    answer = (
        "Keep hands clear of the intake while the motor runs [0]. "
        "Sales of the grinder line increased by 12% to 5.2 million dollars in 2021 [1]. "
        "The kettle holds 1.7 litres [2]."
    )
    cited = await server.cite(Cite(answer=answer, chunks=chunks), library.call)
    assert [(found.marker, found.doc, found.page, found.page_label) for found in cited.citations] == [
        ("[0]", "grinder.pdf", 1, "iii"),
        ("[1]", "grinder.pdf", 2, "iv"),
        ("[2]", "notes.md", 1, None),
    ]
    for found, document in zip(cited.citations, (manual, manual, notes), strict=True):
        (span,) = found.spans
        assert found.quote == (await library.page(document, found.page)).text[span.start : span.end]
        assert found.sentence in answer
        assert found.verified
    assert cited.citations[0].quote == HANDS
    assert cited.citations[1].quote.startswith("Net sales of the grinder line rose by 12 %")
    assert cited.unknown_markers == ()
    assert cited.confidence.score >= 70
    assert cited.confidence.coverage == 1


async def test_sentences_around_a_quote_come_with_it(library, manual):
    chunk = await library.chunk(manual, 1, HANDS)
    (found,) = (await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(chunk,)), library.call)).citations
    assert found.before == ("Safety of the coffee grinder",)
    assert found.after[0].startswith("Unplug the grinder")
    assert len(found.after) == 2


async def test_rectangles_lie_on_the_lines_of_the_quote_and_text_files_have_none(library, manual, notes):
    chunks = (await library.chunk(manual, 2), await library.chunk(notes, 1))
    answer = "Net sales of the grinder line rose by 12 % to $5.2 million in 2021 [0]. The kettle holds 1.7 litres [1]."
    first, second = (await server.cite(Cite(answer=answer, chunks=chunks), library.call)).citations
    (rect,) = first.spans[0].rects
    baseline = 1 - (760 - 3 * 22) / 842
    assert rect.y < baseline < rect.y + rect.height + 0.005
    assert abs(rect.x - 60 / 595) < 0.01
    assert second.spans[0].rects == ()


async def test_rectangles_can_be_left_out(library, manual):
    ask = Cite(answer=f"{HANDS} [0]", chunks=(await library.chunk(manual, 1),), with_rects=False)
    (found,) = (await server.cite(ask, library.call)).citations
    assert found.spans[0].rects == ()


async def test_a_claim_with_other_numbers_is_cited_but_not_verified(library, manual):
    ask = Cite(
        answer="Net sales of grinders fell to $7.9 million in 2023 [0].", chunks=(await library.chunk(manual, 2),)
    )
    cited = await server.cite(ask, library.call)
    (found,) = cited.citations
    assert not found.verified
    assert found.score < 0.5
    assert cited.confidence.score < 30


async def test_one_sentence_with_two_markers_gives_two_citations(library, manual):
    chunks = (await library.chunk(manual, 1), await library.chunk(manual, 2))
    cited = await server.cite(Cite(answer="Use care and 450 W of motor power [0, 1].", chunks=chunks), library.call)
    assert [(found.marker, found.number) for found in cited.citations] == [("[0, 1]", 0), ("[0, 1]", 1)]


async def test_a_short_answer_is_read_together_with_the_question(library, manual):
    ask = Cite(answer="310 [0].", chunks=(await library.chunk(manual, 2),), question="How many repairs were there?")
    (found,) = (await server.cite(ask, library.call)).citations
    assert found.quote == "Repairs fell to 310 in the same year."


async def test_numbers_that_name_no_chunk_are_never_sources(library, manual):
    ask = Cite(answer=f"{HANDS} [0] As in [2024] and [7].", chunks=(await library.chunk(manual, 1),))
    cited = await server.cite(ask, library.call)
    assert [found.number for found in cited.citations] == [0]
    assert cited.unknown_markers == ("[2024]", "[7]")


@pytest.mark.parametrize(
    "change",
    [
        {"page": 9},
        {"doc_id": "doc_other"},
        {"content": "Words that were never printed here."},
        {"doc_id": "doc_x", "page": 3},
    ],
    ids=["page", "document", "words", "both"],
)
async def test_a_chunk_that_the_records_do_not_bear_out_is_no_source(library, manual, change):
    chunk = (await library.chunk(manual, 1)).model_copy(update=change)
    cited = await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(chunk,)), library.call)
    assert cited.citations == ()
    assert cited.unknown_markers == ("[0]",)
    assert cited.confidence.score <= 10


async def test_the_name_of_the_document_comes_from_the_records(library, manual):
    chunk = (await library.chunk(manual, 1)).model_copy(update={"doc": "forged.pdf", "page_label": "99"})
    (found,) = (await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(chunk,)), library.call)).citations
    assert (found.doc, found.page_label) == ("grinder.pdf", "iii")


async def test_another_tenant_has_no_such_pages(library, manual):
    chunk = await library.chunk(manual, 1)
    stranger = replace(library.call, caller=replace(Caller.owner(), tenant=TenantId("other")))
    cited = await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(chunk,)), stranger)
    assert cited.citations == ()
    with pytest.raises(NotFoundError):
        await server.locate(Locate(doc_id=manual.doc_id, quote=HANDS), stranger)
    with pytest.raises(NotFoundError):
        await server.page_image(ShowPage(doc_id=manual.doc_id, page=1), stranger)


async def test_an_answer_without_markers_has_no_citations_and_low_confidence(library, manual):
    ask = Cite(answer="The documents do not say how loud the grinder is.", chunks=(await library.chunk(manual, 1),))
    cited = await server.cite(ask, library.call)
    assert cited.citations == ()
    assert cited.confidence.score <= 10


async def test_chunks_of_a_retired_or_removed_version_are_still_cited(library, manual):
    chunk = await library.chunk(manual, 1, HANDS)
    page = await library.page(manual, 1)
    moved = PageRecord(1, "A new first line.\n" + page.text, page.label, (), page.width, page.height)
    await library.activate(manual, [moved, await library.page(manual, 2)], "two")
    ask = Cite(answer=f"{HANDS} [0]", chunks=(chunk,))
    (retired,) = (await server.cite(ask, library.call)).citations
    assert retired.spans[0].start == chunk.start
    await library.on.records.versions.remove(library.caller.tenant, VersionId(chunk.version_id))
    (found,) = (await server.cite(ask, library.call)).citations
    assert found.spans[0].start == chunk.start + len("A new first line.\n")
    assert found.quote == HANDS
    assert found.spans[0].rects == retired.spans[0].rects != ()


async def test_a_document_whose_original_is_gone_is_cited_without_boxes(library, manual):
    await library.on.blobs.delete(intake.blob_prefix(library.caller.tenant, manual.doc_id))
    (found,) = (
        await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(await library.chunk(manual, 1),)), library.call)
    ).citations
    assert found.verified
    assert found.spans[0].rects == ()


# rectangles ----------------------------------------------------------------------------------------------------------


async def test_words_noted_at_a_wrong_place_are_boxed_where_they_stand_or_not_at_all(library, manual):
    right = Passage(1, HANDS, ((29 + 1, len(HANDS)),))  # one further on: a line end has two characters in the source
    wrong = replace(right, source=((500, 9),))
    absent = Passage(1, "Never printed on this page at all.", ((0, 20),))
    found = await place(library.call, manual.doc_id, [right, wrong, absent, replace(right, page=2)])
    assert found[0] == found[1]
    assert len(found[0]) == 1
    assert found[2] == found[3] == ()


async def test_a_damaged_original_names_what_is_wrong(library, manual):
    key = intake.original_key(library.caller.tenant, manual.doc_id)
    whole = await library.on.blobs.get(key)
    await library.on.blobs.put(key, whole[:500])
    with pytest.raises(UnreadableDocumentError, match="damaged or truncated"):
        await server.page_image(ShowPage(doc_id=manual.doc_id, page=1), library.call)


async def test_each_tenant_has_a_process_of_its_own_and_the_oldest_idle_one_ends(library):
    desks = Painters(library.on.compute, CitationSettings(page_processes=2, _env_file=None))
    children = {}
    for name in ("one", "two", "one", "three"):
        async with desks.lease(TenantId(name)) as child:
            assert children.setdefault(name, child) is child
    assert len(set(children.values())) == 3
    assert [child.is_closed for child in children.values()] == [False, True, False]


async def test_a_process_in_use_is_not_ended_for_another(library):
    desks = Painters(library.on.compute, CitationSettings(page_processes=1, _env_file=None))
    async with desks.lease(TenantId("one")) as first:
        async with desks.lease(TenantId("two")) as second:
            pass
        assert not first.is_closed
        assert second.is_closed
    assert painters(library.call) is painters(library.call)


# locate --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "page", "match"),
    [
        ("spare parts are kept in stock", 2, "exact"),
        ("the blades are made of hard steel and remain sharp for about 3500 hours", 1, "fuzzy"),
        ("Keep hands clear ... while the motor runs", 1, "exact"),
    ],
)
async def test_a_quote_is_located_with_its_page_words_and_boxes(library, manual, quote, page, match):
    found = await server.locate(Locate(doc_id=manual.doc_id, quote=quote), library.call)
    assert (found.found, found.match) == (True, match)
    text = (await library.page(manual, page)).text
    assert found.quote == " … ".join(text[span.start : span.end] for span in found.spans)
    assert all(span.page == page and span.rects for span in found.spans)


async def test_a_quote_that_goes_on_overleaf_has_boxes_on_both_pages(library, manual):
    quote = "never let children use the grinder without an adult beside them. Technical data Motor power 450 W"
    found = await server.locate(Locate(doc_id=manual.doc_id, quote=quote), library.call)
    assert (found.match, [span.page for span in found.spans]) == ("exact", [1, 2])
    assert "adult beside them\nTechnical data" in found.quote
    assert all(span.rects for span in found.spans)


async def test_a_quote_of_a_text_file_is_located_without_boxes(library, notes):
    found = await server.locate(Locate(doc_id=notes.doc_id, quote="the kettle holds"), library.call)
    assert found.quote == "The kettle holds"
    assert found.spans[0].rects == ()


async def test_a_quote_is_looked_for_on_the_given_page_only(library, manual):
    ask = Locate(doc_id=manual.doc_id, quote=HANDS, page=2)
    found = await server.locate(ask, library.call)
    assert (found.found, found.match, found.score, found.spans) == (False, "none", 0.0, ())


async def test_a_quote_is_located_even_when_the_original_is_gone(library, manual):
    await library.on.blobs.delete(intake.blob_prefix(library.caller.tenant, manual.doc_id))
    found = await server.locate(Locate(doc_id=manual.doc_id, quote=HANDS), library.call)
    assert found.found
    assert found.spans[0].rects == ()


async def test_documents_and_pages_that_are_not_there_are_named(library, manual):
    with pytest.raises(NotFoundError, match="no document 'doc_none'"):
        await server.locate(Locate(doc_id="doc_none", quote="x"), library.call)
    with pytest.raises(NotFoundError, match="no page 3; ask for one of the pages 1 to 2"):
        await server.page_image(ShowPage(doc_id=manual.doc_id, page=3), library.call)
    document, _ = await intake.accept(library.caller.tenant, "new.txt", b"new words", library.on, library.on.settings)
    with pytest.raises(ConflictError, match="is pending and has no pages yet"):
        await server.locate(Locate(doc_id=document.doc_id, quote="x"), library.call)


# pages ---------------------------------------------------------------------------------------------------------------


async def test_a_page_is_shown_with_a_quote_in_yellow(library, manual):
    plain = await server.page_image(ShowPage(doc_id=manual.doc_id, page=1), library.call)
    shown = await server.page_image(ShowPage(doc_id=manual.doc_id, page=1, quote=HANDS), library.call)
    assert (shown.doc, shown.page, shown.pages, shown.located, shown.highlights) == ("grinder.pdf", 1, 2, True, 1)
    assert (shown.picture.width, shown.picture.media_type) == (918, "image/webp")
    assert picture(shown).size == (shown.picture.width, shown.picture.height)
    (span,) = (await server.locate(Locate(doc_id=manual.doc_id, quote=HANDS), library.call)).spans
    (rect,) = span.rects
    rows = yellow_rows(picture(shown))
    assert min(rows) == pytest.approx(rect.y * shown.picture.height, abs=2)
    assert max(rows) == pytest.approx((rect.y + rect.height) * shown.picture.height, abs=2)
    assert yellow_rows(picture(plain)) == set()


async def test_sentences_around_a_quote_are_paler(library, manual):
    shown = await server.page_image(ShowPage(doc_id=manual.doc_id, page=1, quote=HANDS), library.call)
    colours = {colour for _, colour in picture(shown).getcolors(1 << 20)}
    assert {(255, 239, 82), (255, 247, 206)} <= colours


async def test_spans_of_citations_are_shown_and_those_of_other_pages_are_not(library, manual):
    chunk = await library.chunk(manual, 1)
    (found,) = (await server.cite(Cite(answer=f"{HANDS} [0]", chunks=(chunk,)), library.call)).citations
    spans = (*found.spans, Span(page=2, start=0, end=9), Span(page=1, start=99_999, end=100_000))
    shown = await server.page_image(ShowPage(doc_id=manual.doc_id, page=1, spans=spans, width=400), library.call)
    assert (shown.highlights, shown.located, shown.picture.width) == (1, True, 400)


async def test_rectangles_without_a_stretch_are_taken_as_they_are(library, manual):
    box = Span(page=1, start=0, end=0, rects=(Rect(x=0.1, y=0.5, width=0.5, height=0.1),))
    shown = await server.page_image(ShowPage(doc_id=manual.doc_id, page=1, spans=(box,)), library.call)
    rows = yellow_rows(picture(shown))
    assert min(rows) == pytest.approx(0.5 * shown.picture.height, abs=2)


async def test_a_quote_that_is_not_on_the_page_is_said_so(library, manual):
    shown = await server.page_image(ShowPage(doc_id=manual.doc_id, page=2, quote=HANDS), library.call)
    assert (shown.located, shown.highlights) == (False, 0)


async def test_a_text_file_is_shown_as_a_simple_page(library, notes):
    ask = ShowPage(doc_id=notes.doc_id, page=1, quote="The kettle holds 1.7 litres.", width=600)
    shown = await server.page_image(ask, library.call)
    assert (shown.highlights, shown.located, shown.picture.width) == (1, True, 600)
    image = picture(shown)
    assert yellow_rows(image)
    assert min(sum(colour) for _, colour in image.getcolors(1 << 20)) == 0


async def test_long_lines_of_a_text_file_are_wrapped_and_highlighted_on_each_line(library):
    text = "word " * 300 + "https://example.org/" + "x" * 400 + "\n\nlast line"
    document = await library.add("long.txt", text.encode(), [PageRecord(1, text)])
    quote = text[1000:1700]
    shown = await server.page_image(ShowPage(doc_id=document.doc_id, page=1, quote=quote), library.call)
    assert shown.highlights > 5
    assert shown.picture.height > shown.picture.width // 2


async def test_a_picture_is_drawn_once_and_kept(library, manual):
    ask = ShowPage(doc_id=manual.doc_id, page=1, quote=HANDS)
    first = await server.page_image(ask, library.call)
    await library.on.blobs.delete(intake.blob_prefix(library.caller.tenant, manual.doc_id))
    assert await server.page_image(ask, library.call) == first
    with pytest.raises(NotFoundError):
        await server.page_image(ask.model_copy(update={"width": 500}), library.call)


async def test_the_text_of_a_page_is_a_resource(library, manual):
    page = await server.page_text(library.call, manual.doc_id, "2")
    assert (page.doc, page.page, page.pages, page.page_label) == ("grinder.pdf", 2, 2, "iv")
    assert page.text == (await library.page(manual, 2)).text
    for wrong in ("0", "3", "two", "-1", "²"):
        with pytest.raises(NotFoundError):
            await server.page_text(library.call, manual.doc_id, wrong)
