"""The citation agent judges claims, and is one of the federation."""

from __future__ import annotations

import pytest

from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.errors import (
    InvalidInputError,
    ModelUnavailableError,
)
from runtime.settings import Settings
from schemas.skills import Cite, Verify
from servers.citation import server
from servers.citation.settings import CitationSettings

HANDS = "Keep hands clear of the intake while the motor runs."


async def test_a_claim_is_judged_by_words_meaning_and_numbers(library, manual):
    reference = (await library.page(manual, 2)).text

    async def judged(claim):
        return await server.verify_claim(Verify(claim=claim, references=(reference,)), library.call)

    good = await judged("The grinder line's sales grew 12% to $5.2 million in 2021 [0].")
    bad = await judged("The grinder line's sales grew 19% to $8.8 million in 2024 [0].")
    other = await judged("Penguins live in the southern hemisphere.")
    assert good.supported
    assert not bad.supported
    assert not other.supported
    assert good.score > bad.score
    assert "number 19% is not in the references" in bad.reasons
    assert good.evidence.startswith("Net sales of the grinder line")


async def test_a_paraphrase_counts_by_its_meaning(library):
    ask = Verify(
        claim="Physicians advise against tobacco.", references=("Doctors recommend that people do not smoke.",)
    )
    far = ask.model_copy(update={"references": ("The bridge was opened by the mayor in spring.",)})
    near, away = await server.verify_claim(ask, library.call), await server.verify_claim(far, library.call)
    assert near.score > away.score + 0.2


async def test_very_many_references_are_judged_by_those_that_share_words(library):
    filler = " ".join(f"Filler sentence number {n} about gardens and rivers." for n in range(200))
    ask = Verify(claim="The motor has 450 W of power.", references=(filler, "It has a motor with 450 W of power."))
    verdict = await server.verify_claim(ask, library.call)
    assert verdict.supported
    assert "450 W" in verdict.evidence


async def test_more_text_than_can_be_looked_at_is_refused(library):
    ask = Verify(claim="x", references=("a" * 200_001,))
    with pytest.raises(InvalidInputError, match="200001 characters, the limit is 200000"):
        await server.verify_claim(ask, library.call)


class NoModel:
    """An embedder whose model cannot be loaded."""

    async def embed(self, texts, on_batch=None):
        raise ModelUnavailableError(f"no weights for {len(texts)} texts; install them")


async def test_without_a_model_words_decide_alone(library, manual):
    library.on.embedder = NoModel()
    reference = (await library.page(manual, 2)).text
    claim = "Net sales of the grinder line rose by 12 % to $5.2 million in 2021 according to the maker"
    assert (await server.verify_claim(Verify(claim=claim, references=(reference,)), library.call)).supported
    ask = Cite(answer=f"{claim} [0].", chunks=(await library.chunk(manual, 2),))
    assert (await server.cite(ask, library.call)).citations[0].verified


# over MCP ------------------------------------------------------------------------------------------------------------


async def test_the_agent_serves_its_skills_and_pages_over_mcp(library, manual):
    from fastmcp import Client

    agent = server.create_agent(CitationSettings(_env_file=None), library.on)
    async with Client(agent.mcp) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert names == {"cite", "locate", "page_image", "verify", "view_page"}
        shown = await client.call_tool("page_image", {"doc_id": manual.doc_id, "page": 1, "quote": HANDS})
        assert any(part.type == "image" and part.mime_type == "image/webp" for part in shown.content)
        (resource,) = await client.read_resource(f"page://{manual.doc_id}/1")
        assert "Keep hands clear" in resource.text


async def test_the_server_has_settings_of_its_own_by_default():
    assert server.create_server(CitationSettings(_env_file=None)).name
    assert server.create_agent().settings == CitationSettings()


async def test_the_settings_of_the_agent_reach_its_skills(tmp_path):
    settings = CitationSettings(data=tmp_path, page_processes=7, _env_file=None)
    shared = Backends(Settings(data=tmp_path, _env_file=None))
    assert Call(Caller.owner(), shared, settings=settings).knobs(CitationSettings) is settings
    other = Call(Caller.owner(), shared).knobs(CitationSettings)
    assert (other.page_processes, other.data) == (4, tmp_path)
