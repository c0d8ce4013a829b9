"""The view of citations in a real browser, inside a minimal host, before a real federation."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastmcp import Client
from playwright.async_api import expect

from tests.journeys.apps import host
from tests.serving import serving

pytestmark = pytest.mark.asyncio(loop_scope="module")
ASK = {"query": "What are the safety warnings?"}
MARKUP = (
    "The <script>document.title='owned'</script> lamp of the <b id=owned>lighthouse</b> is lit at dusk by "
    "<img src=x onerror=document.title='owned'> the keeper. It burns 4 litres of oil a night."
)


# an answer


async def test_an_answer_is_shown_with_its_citations_and_the_page_of_the_first(opened) -> None:
    screen = await opened("ask", ASK)
    await screen.picture()
    fields = (await screen.fallback())["structuredContent"]
    first = fields["citations"][0]
    await expect(screen.find("#question")).to_have_text(ASK["query"])
    await expect(screen.find("#answer")).to_have_text(fields["answer"])
    await expect(screen.find(".marker")).to_have_count(fields["answer"].count("[0]"))
    await expect(screen.find(".entry-place")).to_have_text(["manual.pdf, page 2"] * len(fields["citations"]))
    await expect(screen.find("#quote mark")).to_have_text(f"“{first['quote']}”")
    await expect(screen.find("#quote")).to_have_text(
        " ".join([*first["before"], f"“{first['quote']}”", *first["after"]])
    )
    await expect(screen.find("#confidence summary")).to_contain_text(f"{fields['confidence']['score']} %")
    await expect(screen.find("#marks")).to_contain_text("Verified on the page")
    await expect(screen.find("#caption")).to_contain_text("Page 2 of 8")
    top, _ = await screen.yellow_rows()
    assert abs(top / 1000 - first["spans"][0]["rects"][0]["y"]) < 0.01


async def test_a_client_without_views_gets_the_same_in_words_and_fields(opened) -> None:
    told = await (await opened("ask", ASK)).fallback()
    (text,) = told["content"]
    assert text["text"].startswith(told["structuredContent"]["answer"])
    assert "[0] manual.pdf, page 2" in text["text"]
    assert "Confidence " in text["text"]
    assert told["structuredContent"]["citations"][0]["spans"][0]["rects"]


async def test_clicks_and_arrow_keys_go_from_citation_to_citation_and_turn_the_page(opened, two_pages) -> None:
    screen = await opened("citation_cite", two_pages)
    title, markers = screen.find("#source-title"), screen.find(".marker")
    await expect(title).to_have_text("manual.pdf, page 6")
    sixth = await screen.yellow_rows()
    await markers.nth(1).click()
    await expect(title).to_have_text("manual.pdf, page 2")
    assert await screen.yellow_rows() != sixth
    await expect(screen.find("#picture")).to_have_attribute(
        "alt", "Picture of manual.pdf, page 2 with the passage in yellow"
    )
    await expect(markers.nth(0)).to_have_attribute("aria-pressed", "false")
    await expect(markers.nth(1)).to_have_attribute("aria-pressed", "true")
    await screen.page.keyboard.press("ArrowLeft")
    await expect(title).to_have_text("manual.pdf, page 6")
    assert await screen.yellow_rows() == sixth
    await screen.page.keyboard.press("ArrowRight")
    await expect(screen.find("#position")).to_have_text("2 of 2")
    await expect(screen.find("#forth")).to_be_disabled()
    await expect(screen.find("#told")).to_have_text("Citation 2 of 2: [1] manual.pdf, page 2")
    await screen.find(".entry").nth(0).click()
    await expect(title).to_have_text("manual.pdf, page 6")


async def test_two_sentences_of_one_page_have_each_their_own_highlight(opened) -> None:
    screen = await opened("ask", ASK)
    first = await screen.yellow_rows()
    await screen.find(".marker").nth(1).click()
    await expect(screen.find("#position")).to_have_text("2 of 2")
    second = await screen.yellow_rows()
    assert second > first


async def test_everything_can_be_reached_by_keyboard(opened, two_pages) -> None:
    screen = await opened("citation_cite", two_pages)
    await screen.picture()
    await screen.find(".marker").nth(1).focus()
    await screen.page.keyboard.press("Enter")
    await expect(screen.find("#position")).to_have_text("2 of 2")
    await screen.find(".entry").nth(1).focus()
    await screen.page.keyboard.press("ArrowLeft")
    await expect(screen.find(".entry").nth(0)).to_be_focused()
    await expect(screen.find(".entry").nth(0)).to_have_attribute("aria-current", "true")
    await screen.find("#forth").press("Enter")
    await expect(screen.find("#position")).to_have_text("2 of 2")
    reachable = screen.find("button:not([hidden]):not(:disabled)")
    assert await reachable.evaluate_all("all => all.every((one) => one.tabIndex === 0)")


async def test_words_of_a_document_are_never_markup(opened, http: httpx.AsyncClient, ingest) -> None:
    document = await ingest(http, "<b id=owned>notes.txt", MARKUP.encode())
    try:
        screen = await opened("ask", {"query": "When is the lamp of the lighthouse lit?"})
        await screen.picture()
        await expect(screen.find("#answer")).to_contain_text("<script>document.title='owned'</script> lamp")
        await expect(screen.find("#quote")).to_contain_text("<img src=x onerror=document.title='owned'>")
        await expect(screen.find("#source-title")).to_have_text("<b id=owned>notes.txt, page 1")
        await expect(screen.find("#owned")).to_have_count(0)
        await expect(screen.find("main script, main b")).to_have_count(0)
        await expect(screen.find("img")).to_have_count(1)
        assert await screen.find("html").evaluate("() => document.title") == "Citations on their pages"
    finally:
        await http.delete(f"/v1/documents/{document['doc_id']}")


# how it looks


async def test_it_is_dark_where_the_host_or_the_system_is(opened) -> None:
    asked = await opened("ask", ASK, context={"theme": "dark"})
    await asked.picture()
    assert await asked.luminance() < 0.2
    await asked.page.evaluate('send({method: "ui/notifications/host-context-changed", params: {theme: "light"}})')
    await expect(asked.find("html")).to_have_css("background-color", "rgb(255, 255, 255)")
    by_system = await opened("ask", ASK, color_scheme="dark")
    await by_system.picture()
    assert await by_system.luminance() < 0.2


async def test_it_wears_the_hosts_colours(opened) -> None:
    colours = {"--color-background-primary": "rgb(1, 2, 3)", "--not-ours": "url(https://elsewhere.example/x)"}
    screen = await opened("ask", ASK, context={"styles": {"variables": colours}})
    await expect(screen.find("html")).to_have_css("background-color", "rgb(1, 2, 3)")


@pytest.mark.parametrize("width", [320, 760, 1100])
async def test_it_fits_its_frame_and_the_frame_fits_it(opened, width: int) -> None:
    screen = await opened("ask", ASK, width=width)
    await screen.picture()
    root = screen.find("html")
    assert await root.evaluate("root => root.scrollWidth") <= width
    wanted = await root.evaluate("root => Math.ceil(root.getBoundingClientRect().height)")
    await expect(screen.page.locator("#view")).to_have_css("height", f"{wanted}px")


async def test_a_page_can_be_enlarged_in_place(opened) -> None:
    screen = await opened("ask", ASK, width=320)
    small = (await screen.picture()).width
    await screen.find("#zoom").click()
    await expect(screen.find("#zoom")).to_have_attribute("aria-pressed", "true")
    assert (await screen.picture()).width > small
    assert await screen.find("html").evaluate("root => root.scrollWidth") <= 320
    assert await screen.find("#paper").evaluate("paper => paper.scrollWidth > paper.clientWidth")


async def test_full_screen_is_offered_where_the_host_has_it(opened) -> None:
    plain = await opened("ask", ASK)
    await plain.picture()
    await expect(plain.find("#full")).to_be_hidden()
    screen = await opened("ask", ASK, context={"availableDisplayModes": ["inline", "fullscreen"]})
    await screen.find("#full").click()
    await expect(screen.find("#full")).to_have_text("Back to the chat")
    await screen.find("#full").click()
    await expect(screen.find("#full")).to_have_text("Full screen")


# what else it shows


async def test_a_quote_that_was_located_is_drawn_on_its_page(opened, manual: dict[str, Any]) -> None:
    quote = "keep hands, hair and loose clothing away from the rollers"
    screen = await opened("citation_locate", {"doc_id": manual["doc_id"], "quote": quote})
    await screen.yellow_rows()
    await expect(screen.find("#source-title")).to_have_text("manual.pdf, page 2")
    await expect(screen.find("#marks")).to_have_text("exact match · score 100 %")
    missing = await opened("citation_locate", {"doc_id": manual["doc_id"], "quote": "the quick brown fox jumps"})
    await expect(missing.find("#state")).to_have_text("The quote does not stand in this document.")
    await expect(missing.find("#sources")).to_be_hidden()


async def test_a_page_that_a_model_drew_is_shown_without_drawing_it_again(opened, manual: dict[str, Any]) -> None:
    page = {"doc_id": manual["doc_id"], "page": 6}
    screen = await opened("citation_page_image", {**page, "quote": "Replace the drive belt"})
    await screen.yellow_rows()
    await expect(screen.find("#quote")).to_have_text("“Replace the drive belt”")
    assert await screen.heard("tools/call") == []
    missed = await opened("citation_page_image", {**page, "quote": "the quick brown fox jumps"})
    await missed.picture()
    await expect(missed.find("#notes")).to_have_text("Not found on this page: “the quick brown fox jumps”")


async def test_a_verdict_is_shown_with_its_reasons(opened) -> None:
    given = {"claim": "The belt lasts 42 hours.", "references": ["Replace the drive belt every 500 hours."]}
    screen = await opened("citation_verify", given)
    await expect(screen.find(".verdict")).to_contain_text("Not supported")
    await expect(screen.find(".verdict")).to_contain_text("Nearest sentence: “Replace the drive belt")
    await expect(screen.find(".verdict")).to_contain_text("number 42 is not in the references")
    await expect(screen.find("#question")).to_have_text("The belt lasts 42 hours.")


async def test_an_agents_own_mcp_shows_it_as_well(opened, address: str, manual: dict[str, Any]) -> None:
    async with Client(f"{address}/agents/citation/mcp") as mcp, serving(host.app(mcp)) as url:
        screen = await opened("locate", {"doc_id": manual["doc_id"], "quote": "Replace the drive belt"}, at=url)
        await screen.yellow_rows()
        assert [call["params"]["name"] for call in await screen.heard("tools/call")] == ["view_page"]


# when there is nothing to show


async def test_it_says_what_is_being_waited_for(opened) -> None:
    screen = await opened("ask", ASK, pause="yes")
    await expect(screen.find("#state")).to_have_text("Looking through your documents…")
    await expect(screen.find("#view")).to_have_attribute("aria-busy", "true")
    await screen.page.evaluate("proceed()")
    await screen.picture()
    await expect(screen.find("#state")).to_be_hidden()
    await expect(screen.find("#view")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize(
    ("tool", "arguments", "wishes", "words"),
    [
        ("citation_page_image", {"doc_id": "doc_none", "page": 1}, {}, "Not found: "),
        ("ask", ASK, {"cancel": "the user pressed stop"}, "Cancelled: the user pressed stop"),
        ("citation_cite", {"answer": "Nothing.", "chunks": []}, {}, "No sentence has a citation."),
    ],
)
async def test_a_result_without_pages_says_why(opened, tool: str, arguments: Any, wishes: Any, words: str) -> None:
    screen = await opened(tool, arguments, **wishes)
    await expect(screen.find("#state")).to_contain_text(words)
    await expect(screen.find("#sources")).to_be_hidden()


async def test_an_answer_that_abstains_shows_no_sources(opened) -> None:
    screen = await opened("ask", {"query": "Who won the chess match in Reykjavik?"})
    await expect(screen.find("#answer")).to_contain_text("do not answer")
    await expect(screen.find("#sources")).to_be_hidden()
    await expect(screen.find("#state")).to_be_hidden()


async def test_a_page_that_cannot_be_had_says_why_and_can_be_tried_again(opened) -> None:
    screen = await opened("ask", ASK, pause="yes")
    await expect(screen.find("#state")).to_have_text("Looking through your documents…")
    await screen.page.evaluate("refusing = 'the citation agent is down'; proceed()")
    await expect(screen.find("#page-words")).to_have_text("The page cannot be shown: the citation agent is down")
    await expect(screen.find("#quote mark")).to_be_visible()
    await screen.page.evaluate("refusing = ''")
    await screen.find("#again").click()
    await screen.yellow_rows()
    await expect(screen.find("#again")).to_be_hidden()


async def test_a_document_that_is_gone_is_said_to_be(opened, http: httpx.AsyncClient, ingest) -> None:
    document = await ingest(http, "notes.txt", b"The lamp of the lighthouse is lit at dusk by the keeper himself.")
    screen = await opened("citation_locate", {"doc_id": document["doc_id"], "quote": "lit at dusk"}, width=320)
    await screen.yellow_rows()
    await http.delete(f"/v1/documents/{document['doc_id']}")
    await screen.find("#zoom").click()
    await expect(screen.find("#page-words")).to_contain_text("The page cannot be shown: Not found: ")
    assert {call["params"]["name"] for call in await screen.heard("tools/call")} == {"citation_view_page"}


async def test_a_host_that_passes_no_calls_on_still_shows_the_words(opened) -> None:
    screen = await opened("ask", ASK, capabilities={})
    await expect(screen.find("#page-words")).to_have_text("This client does not let views load pictures of pages.")
    await expect(screen.find("#quote mark")).to_be_visible()
    assert await screen.heard("tools/call") == []


# towards the host


async def test_the_model_learns_where_the_user_looks_by_numbers_alone(opened, manual: dict[str, Any]) -> None:
    screen = await opened("ask", ASK, capabilities={"serverTools": {}, "updateModelContext": {}})
    await screen.picture()
    assert await screen.heard("ui/update-model-context") == []
    await screen.find(".entry").nth(1).click()
    await expect(screen.find("#position")).to_have_text("2 of 2")
    (told,) = await screen.heard("ui/update-model-context")
    assert told["params"]["content"][0]["text"] == f"The user is looking at page 2 of document {manual['doc_id']}."


async def test_pages_are_drawn_when_looked_at_and_once(opened, two_pages) -> None:
    screen = await opened("citation_cite", two_pages)
    await screen.picture()
    assert len(await screen.heard("tools/call")) == 1
    await screen.find("#forth").click()
    await screen.picture()
    await screen.find("#back").click()
    await screen.picture()
    calls = [call["params"] for call in await screen.heard("tools/call")]
    assert [(call["name"], call["arguments"]["page"]) for call in calls] == [
        ("citation_view_page", 6),
        ("citation_view_page", 2),
    ]


async def test_the_host_hears_answers_to_its_own_questions(opened) -> None:
    screen = await opened("ask", ASK)
    await screen.picture()
    await screen.page.evaluate('send({id: "a", method: "ui/resource-teardown", params: {reason: "closed"}})')
    await screen.page.evaluate('send({id: "b", method: "ui/fly", params: {}})')
    assert (await screen.answer("a"))["result"] == {}
    assert (await screen.answer("b"))["error"]["code"] == -32601


async def test_outside_of_a_host_it_says_what_it_is(opened, host_url: str, browser) -> None:
    page = await browser.new_page()
    try:
        await page.goto(f"{host_url}/view?uri=ui://citation/view.html")
        await expect(page.locator("#state")).to_have_text("This page shows citations inside an MCP client.")
    finally:
        await page.close()
