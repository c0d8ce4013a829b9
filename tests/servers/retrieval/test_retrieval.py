"""Searching a small library through the skills of the retrieval agent, on its real backends."""

import asyncio
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import structlog

from runtime.backends import Backends
from runtime.caller import Caller
from runtime.errors import FingerprintError
from runtime.models.embedded import MiniLM
from runtime.vectors.contract import Probe
from schemas.chunk import Chunk, Filters, Found
from schemas.message import TenantId
from schemas.skills import HybridSearch, KeywordSearch, Rerank, VectorSearch
from servers.retrieval.server import create_agent, hybrid_search, keyword_search, skills
from servers.retrieval.settings import RetrievalSettings
from servers.retrieval.warmth import warming

from .conftest import OVEN, PUMP, Library, Paper

pytestmark = pytest.mark.asyncio(loop_scope="module")

SKILLS = skills.bound
SEARCHES = {"vector_search": VectorSearch, "keyword_search": KeywordSearch, "hybrid_search": HybridSearch}


async def search(library: Library, name: str, query: str, *, tenant: str = "local", **more: object) -> Found:
    found = await SKILLS[name].function(SEARCHES[name](query=query, **more), library.call(tenant))
    assert isinstance(found, Found)
    return found


async def hybrid(library: Library, query: str, **more: object) -> list[Chunk]:
    return list((await search(library, "hybrid_search", query, **more)).chunks)


@pytest.mark.parametrize(
    ("query", "doc", "page"),
    [
        ("What are the safety warnings about clothing?", "pump_manual.pdf", 2),
        ("How can I be hurt by something hot?", "oven_manual.pdf", 2),
        ("AX-200", "pump_manual.pdf", 1),
        ("How much cargo was handled in FY2022? Round your answer to two decimals.", "harbour_report_2022.pdf", 2),
        ("¿Cuánto tiempo se guarda el vino en roble?", "guia_del_vino.pdf", 2),
        ("绿茶用多少度的水？", "茶.pdf", 1),
    ],
)
async def test_a_question_finds_its_page_first(library: Library, query: str, doc: str, page: int) -> None:
    best = (await hybrid(library, query))[0]
    assert (best.doc, best.page) == (doc, page)


@pytest.mark.parametrize("name", SEARCHES)
async def test_every_search_tells_place_and_words_and_falls_in_score(library: Library, name: str) -> None:
    found = await search(library, name, "Which pump error means a blocked filter?", top_k=4)
    best = found.chunks[0]
    assert (best.doc_id, best.version_id, best.doc) == (PUMP.doc_id, PUMP.version_id, "pump_manual.pdf")
    assert (best.page, best.ordinal, best.language) == (3, 5, "en")
    assert best.content == PUMP.pages[2][0] == best.content[best.start : best.end]
    scores = [chunk.score for chunk in found.chunks]
    assert scores == sorted(scores, reverse=True)
    assert 0 < scores[0] <= 1
    assert len(scores) <= 4
    assert best.parts is None
    assert found.tools == {"vector_search": ("vector",), "keyword_search": ("keyword",)}.get(
        name, ("vector", "keyword")
    )


async def test_the_document_that_is_named_wins_over_its_like(library: Library) -> None:
    assert (await hybrid(library, "What does error 41 mean on the oven?"))[0].doc == "oven_manual.pdf"
    assert (await hybrid(library, "What does error 41 mean on the pump?"))[0].doc == "pump_manual.pdf"


async def test_alpha_moves_between_words_and_meaning(library: Library) -> None:
    query = "preparing bread and cake, 42"
    words, meaning = await hybrid(library, query, alpha=0.0), await hybrid(library, query, alpha=1.0)
    assert words[0].content == "Error 42 means a worn bearing."
    assert meaning[0].doc == "oven_manual.pdf"
    assert (await search(library, "hybrid_search", query, alpha=1.0)).tools == ("vector",)
    assert (await search(library, "hybrid_search", query, alpha=0.0)).tools == ("keyword",)


async def test_a_search_by_meaning_scores_with_the_cosine(library: Library) -> None:
    query = "Never run the pump dry"
    best = (await search(library, "vector_search", query)).chunks[0]
    embedder = library.on.embedder
    question, passage = await embedder.embed([query, f"pump manual. {best.content}"])
    assert best.score == pytest.approx(float(question @ passage), abs=1e-5)


async def test_what_nobody_wrote_about_scores_low(library: Library) -> None:
    good = (await hybrid(library, "What does error 42 of the pump mean?"))[0].score
    poor = (await hybrid(library, "Who won the chess championship in Reykjavik?"))[0].score
    assert poor < 0.5 * good


@pytest.mark.parametrize(
    ("filters", "docs"),
    [
        (Filters(doc_ids=(OVEN.doc_id,)), {"oven_manual.pdf"}),
        (Filters(languages=("es",)), {"guia_del_vino.pdf"}),
        (Filters(since=date(2023, 1, 1)), {"oven_manual.pdf", "harbour_report_2022.pdf"}),
        (Filters(until=date(2021, 12, 31), languages=("en",)), {"pump_manual.pdf"}),
        (Filters(doc_ids=("doc_nobody",)), set()),
        (Filters(authors=("ines",)), {"pump_manual.pdf", "oven_manual.pdf"}),
        (Filters(authors=("MÜLLER ines", "nobody")), {"pump_manual.pdf"}),
        (Filters(authors=("ines",), doc_ids=(OVEN.doc_id, "doc_nobody")), {"oven_manual.pdf"}),
        (Filters(titles=("harbour 2022",)), {"harbour_report_2022.pdf"}),
        (Filters(titles=("manual",), media_types=("pdf",), since=date(2022, 1, 1)), {"oven_manual.pdf"}),
        (Filters(media_types=("text/html", ".docx")), set()),
        (Filters(media_types=("application/pdf",), languages=("es",)), {"guia_del_vino.pdf"}),
    ],
)
@pytest.mark.parametrize("name", SEARCHES)
async def test_filters_narrow_a_search(library: Library, name: str, filters: Filters, docs: set[str]) -> None:
    found = await search(library, name, "error water vino 2022 door filter", filters=filters, top_k=50)
    assert {chunk.doc for chunk in found.chunks} <= docs
    assert bool(found.chunks) == bool(docs)


@pytest.mark.parametrize("name", SEARCHES)
async def test_a_result_can_hold_one_chunk_of_each_page_or_document(library: Library, name: str) -> None:
    query, many = "error water filter door", {"top_k": 50}
    all_ = (await search(library, name, query, **many)).chunks
    pages = (await search(library, name, query, one_per="page", **many)).chunks
    documents = (await search(library, name, query, one_per="document", **many)).chunks
    assert len({(chunk.doc, chunk.page) for chunk in pages}) == len(pages)
    assert len({chunk.doc for chunk in documents}) == len(documents)
    assert {(chunk.doc, chunk.page) for chunk in pages} == {(chunk.doc, chunk.page) for chunk in all_}
    assert {chunk.doc for chunk in documents} == {chunk.doc for chunk in all_}
    assert documents[0] == pages[0] == all_[0]
    assert [chunk.score for chunk in pages] == sorted((chunk.score for chunk in pages), reverse=True)


async def test_one_page_does_not_fill_the_result(library: Library) -> None:
    long = Paper("tides.pdf", [[f"The tide rises {n} metres at the northern pier." for n in range(12)], ["Low tide."]])
    await library.add(long)
    pages = [
        chunk.page for chunk in await hybrid(library, "How high is the tide at the pier?") if chunk.doc == long.name
    ]
    assert pages.count(1) == RetrievalSettings(_env_file=None).search_chunks_per_page
    await library.on.vectors.delete(TenantId("local"), long.doc_id)


async def test_a_version_that_is_being_built_is_not_found(library: Library) -> None:
    draft = Paper("draft.pdf", [["The zeppelin landed beside the lighthouse."]])
    await library.add(draft, activate=False)
    for name in SEARCHES:
        found = await search(library, name, "Where did the zeppelin land?")
        assert "draft.pdf" not in {chunk.doc for chunk in found.chunks}
    await library.on.records.versions.activate(TenantId("local"), draft.doc_id, draft.version_id, {})
    assert (await hybrid(library, "Where did the zeppelin land?"))[0].doc == "draft.pdf"
    await library.on.vectors.delete(TenantId("local"), draft.doc_id)


async def test_another_tenant_finds_nothing_of_ours(library: Library) -> None:
    await library.add(Paper("theirs.pdf", [["Their own secret recipe."]], tenant="other"))
    for name in SEARCHES:
        assert {chunk.doc for chunk in (await search(library, name, "error filter", tenant="other")).chunks} <= {
            "theirs.pdf"
        }
        assert (await search(library, name, "error filter", tenant="nobody")).chunks == ()


async def test_a_good_page_brings_a_chunk_even_if_no_chunk_was_found(library: Library) -> None:
    """Each word stands on another chunk of one page, and every chunk alone is outranked by other pages."""
    crowd = [[f"Alpha alpha note {n}.", f"Beta beta note {n}.", f"Gamma gamma note {n}."] for n in range(12)]
    paper = Paper("crowd.pdf", [*crowd, ["Some alpha here among many other words.", "Then beta.", "Also gamma gamma."]])
    await library.add(paper)
    call = library.call(
        search_candidates=10, search_pages_fetched=20, search_page_share=1.0, search_document_weight=0.0
    )
    found = await keyword_search(KeywordSearch(query="alpha beta gamma", top_k=20), call)
    assert len({chunk.page for chunk in found.chunks if chunk.doc == "crowd.pdf"}) > 8
    await library.on.vectors.delete(TenantId("local"), paper.doc_id)


async def test_reciprocal_ranks_are_an_alternative(library: Library) -> None:
    found = await hybrid_search(
        HybridSearch(query="Which error means a worn bearing?"), library.call(search_fusion="rrf")
    )
    assert found.chunks[0].content == "Error 42 means a worn bearing."


async def test_operators_are_not_words(library: Library) -> None:
    found = await search(library, "keyword_search", "(blocked OR worn) AND pump NOT oven")
    assert {chunk.content for chunk in found.chunks} == set(PUMP.pages[2])


@pytest.mark.parametrize("query", ["?", "the of and", "的", "    x", "\u0000", "AND OR NOT", "\U0001f600"])
@pytest.mark.parametrize("name", SEARCHES)
async def test_odd_questions_are_answered(library: Library, name: str, query: str) -> None:
    await search(library, name, query)


async def test_the_same_search_gives_the_same_result(library: Library) -> None:
    first = await search(library, "hybrid_search", "How do I clean it?", explain=True)
    nothing_remembered = library.call(query_vectors_kept=7)
    assert await hybrid_search(HybridSearch(query="How do I clean it?", explain=True), nothing_remembered) == first


async def test_reranking_puts_the_best_first_whatever_the_order(library: Library) -> None:
    chunks = await hybrid(library, "error door filter water", top_k=8)
    rerank = SKILLS["rerank"].function
    query = "Which error says that the oven's door is open?"
    one = await rerank(Rerank(query=query, chunks=tuple(chunks)), library.call())
    other = await rerank(Rerank(query=query, chunks=tuple(chunks[::-1]), top_k=3), library.call())
    assert one.chunks[0].content == OVEN.pages[2][0]
    assert one.tools == ("rerank",)
    assert one.skipped == ()
    assert {chunk.chunk_id for chunk in one.chunks} == {chunk.chunk_id for chunk in chunks}
    assert [chunk.chunk_id for chunk in other.chunks] == [chunk.chunk_id for chunk in one.chunks[:3]]
    parts = one.chunks[0].parts
    assert parts is not None
    assert parts.rerank == one.chunks[0].score


async def test_reranking_nothing_gives_nothing(library: Library) -> None:
    assert (await SKILLS["rerank"].function(Rerank(query="x", chunks=()), library.call())).chunks == ()


async def test_reranking_chunks_of_several_languages_works(library: Library) -> None:
    chunks = [(await hybrid(library, query))[0] for query in ("绿茶", "tempranillo uva", "AX-200 pump litres")]
    found = await SKILLS["rerank"].function(Rerank(query="绿茶 冲泡", chunks=tuple(chunks)), library.call())
    assert found.chunks[0].doc == "茶.pdf"
    bare = [chunk.model_copy(update={"content": "...", "doc": "-"}) for chunk in chunks]
    assert len((await SKILLS["rerank"].function(Rerank(query="?", chunks=tuple(bare)), library.call())).chunks) == 3


async def test_chunks_beyond_the_time_budget_keep_their_order_and_are_told(library: Library) -> None:
    chunks = await hybrid(library, "error door filter water", top_k=6)
    hurried = library.call(rerank_budget_seconds=0.045)
    found = await SKILLS["rerank"].function(Rerank(query="open door", chunks=tuple(chunks)), hurried)
    assert found.skipped == (f"rerank of {len(chunks) - 2} chunks: out of the time budget",)
    assert [chunk.chunk_id for chunk in found.chunks[2:]] == [chunk.chunk_id for chunk in chunks[2:]]


async def test_an_index_of_another_model_is_refused_for_meaning_but_not_for_words(library: Library) -> None:
    tenant = TenantId("old")
    await library.add(Paper("old.pdf", [["Something old."]], tenant="old"))
    await library.on.vectors.drop(tenant)
    await library.on.vectors.ensure(tenant, "another-model/1", library.on.embedder.dimension)
    units = await library._units(Paper("old.pdf", [["Something old."]], tenant="old"))
    await library.on.vectors.upsert(tenant, units)
    with pytest.raises(FingerprintError, match="another-model"):
        await search(library, "hybrid_search", "something", tenant="old")
    assert (await search(library, "keyword_search", "something old", tenant="old")).chunks[0].doc == "old.pdf"


async def test_searches_at_the_same_time_do_not_mix(library: Library) -> None:
    queries = {
        "blocked filter": "pump_manual.pdf",
        "panes of glass": "oven_manual.pdf",
        "staff costs": "harbour_report_2022.pdf",
    }
    founds = await asyncio.gather(*(hybrid(library, query) for query in [*queries] * 5))
    assert [chunks[0].doc for chunks in founds] == [*queries.values()] * 5


async def test_the_log_tells_lengths_and_never_words(library: Library) -> None:
    with structlog.testing.capture_logs() as events:
        await search(library, "hybrid_search", "Where did Mrs Abernathy hide?")
        await SKILLS["rerank"].function(
            Rerank(query="Abernathy", chunks=tuple(await hybrid(library, "pump"))), library.call()
        )
    told = [event for event in events if event["event"] == "search.completed"]
    assert told[0]["tools"] == ("vector", "keyword")
    assert told[0]["query_chars"] == 29
    assert told[0]["chunks"] == 5
    assert told[0]["duration_ms"] > 0
    assert "Abernathy" not in json.dumps(events, default=str)


async def test_the_agent_warms_up_and_serves_its_four_tools(library: Library) -> None:
    agent = create_agent(RetrievalSettings(_env_file=None), library.on)
    assert set(agent.skills.bound) == {"vector_search", "keyword_search", "hybrid_search", "rerank"}
    assert set(agent.needs) >= {"vectors", "records", "embedder"}
    for skill in agent.skills.bound.values():
        assert len(skill.description) > 80


async def warmed(on: Backends) -> list[str]:
    """What the log says once the agent has warmed up."""
    with structlog.testing.capture_logs() as events:
        async with warming(on), asyncio.timeout(30):
            while not events:
                await asyncio.sleep(0.01)
    return [event["event"] for event in events]


async def test_the_model_is_loaded_before_the_first_question(library: Library) -> None:
    assert await warmed(library.on) == ["embedder.warm"]


async def test_a_model_that_cannot_be_loaded_keeps_no_agent_from_starting(library: Library, tmp_path: Path) -> None:
    cold = Backends(library.on.settings)
    cold.embedder = MiniLM(weights_dir=tmp_path, cache_dir=tmp_path)
    assert await warmed(cold) == ["embedder.cold"]
    await cold.embedder.close()


async def test_leaving_early_stops_the_warming(library: Library) -> None:
    async with warming(library.on):
        pass


async def test_a_caller_with_little_time_gets_fewer_chunks_reranked(library: Library) -> None:
    chunks = await hybrid(library, "error door filter water", top_k=8)
    fresh = library.call(rerank_budget_seconds=3.0)
    hurried = replace(fresh, caller=Caller.owner().within(0.06))
    found = await SKILLS["rerank"].function(Rerank(query="open door", chunks=tuple(chunks)), hurried)
    assert found.skipped
    assert len(found.chunks) == len(chunks)


async def test_a_probe_without_terms_finds_nothing(library: Library) -> None:
    assert await library.on.vectors.search(TenantId("local"), [Probe("chunk_terms", 5)]) == [[]]
