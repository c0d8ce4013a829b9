"""The skills of the citation agent, each an MCP tool and an A2A skill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runtime.call import Call, Skills
from runtime.errors import NotFoundError
from schemas.citation import Cited, Located, PageImage, Verdict
from schemas.message import Message
from schemas.skills import (
    CITATION_VIEW,
    CITE,
    LOCATE,
    PAGE_IMAGE,
    READ_DOCUMENTS,
    VERIFY,
    Cite,
    Locate,
    ShowPage,
    Verify,
)
from servers.citation import cite as citing
from servers.citation import page as pages
from servers.citation import place, verify, view
from servers.citation.settings import CitationSettings

if TYPE_CHECKING:
    from fastmcp import FastMCP

    from runtime.agent import AgentServer
    from runtime.backends import Backends

skills = Skills()


@skills.skill(CITE)
async def cite(ask: Cite, call: Call) -> Cited:
    """Tie each sentence of an answer to the words of the pages that support it.

    Give the answer with its markers `[0]`, `[1]`, ... and the chunks it was written from, in their order. Each citation
    has the verbatim quote, the page, the sentences around it, the rectangles on the page picture, how well the quote
    supports the sentence, and whether that is verified. Markers that name no chunk are listed apart.
    """
    return await citing.cite(ask, call)


@skills.skill(LOCATE)
async def locate(ask: Locate, call: Call) -> Located:
    """Find where a quote stands in a document: page, position, rectangles.

    Slips, left out words and an ellipsis in the quote are allowed for; `match` tells whether it is `exact`, `fuzzy` or
    `none`. Give `page` to look on that page only.
    """
    return await place.place(ask, call)


@skills.skill(PAGE_IMAGE)
async def page_image(ask: ShowPage, call: Call) -> PageImage:
    """Draw a page of a document as a picture, with a quote or the spans of citations in yellow.

    The sentences around a passage are in a paler yellow. `located` is false when the quote does not stand on the page.
    """
    return await pages.show(ask, call)


@skills.skill(VERIFY)
async def verify_claim(ask: Verify, call: Call) -> Verdict:
    """Judge whether references support a claim.

    The score runs from 0 to 1, and 0.5 counts as supported. With it come the nearest sentence of the references and
    what speaks against the claim, such as numbers that no reference has.
    """
    return await verify.verify(ask, call)


@skills.view(CITATION_VIEW, calls={"view_page": PAGE_IMAGE})
def citations() -> str:
    """Shows an answer with its citations, each on the picture of its page."""
    return view.document()


@skills.resource("page://{doc_id}/{page}", READ_DOCUMENTS)
async def page_text(call: Call, doc_id: str, page: str) -> Message:
    """The stored text of one page; pages are numbered from 1."""
    if not page.isdecimal():
        raise NotFoundError(f"{page!r} is no page number; ask for page://{doc_id}/1 and so on")
    return await pages.text(call, doc_id, int(page))


def create_agent(settings: CitationSettings | None = None, backends: Backends | None = None) -> AgentServer:
    """The citation agent, on backends of its own unless it is given some."""
    from runtime.agent import AgentServer

    return AgentServer(
        "citation",
        "Ties answers to the words of the pages that support them, finds quotes, and draws pages with them in yellow.",
        skills,
        settings or CitationSettings.beside(backends),
        needs=("records", "blobs", "live", "compute", "embedder"),
        backends=backends,
    )


def create_server(settings: CitationSettings | None = None) -> FastMCP:
    """The agent's MCP server."""
    return create_agent(settings).mcp
