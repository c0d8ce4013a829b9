"""A search tells on request what it looked for, where, and why each chunk ranks where it does; named pages lead."""

from __future__ import annotations

import pytest

from schemas.chunk import Filters, Found
from schemas.message import TenantId
from schemas.skills import HybridSearch, KeywordSearch, VectorSearch
from servers.retrieval.named_pages import LAST, named_pages
from servers.retrieval.server import hybrid_search, keyword_search, vector_search

from .conftest import PUMP, Library, Paper

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def explained(library: Library, query: str, **more: object) -> Found:
    return await hybrid_search(HybridSearch(query=query, explain=True, **more), library.call())


async def test_nothing_is_explained_unasked(library: Library) -> None:
    found = await hybrid_search(HybridSearch(query="blocked filter"), library.call())
    assert found.explanation is None
    assert found.chunks[0].parts is None


async def test_explaining_gives_the_parts_of_each_score(library: Library) -> None:
    found = await explained(library, "blocked filter of the pump")
    parts = found.chunks[0].parts
    assert parts is not None
    assert (parts.meaning, parts.words, parts.rerank, parts.named_page) == (1.0, 1.0, None, None)
    assert parts.page_words is not None
    assert parts.document is not None
    assert parts.matched == ("block", "filter", "pump")
    explanation = found.explanation
    assert explanation is not None
    assert (explanation.text, explanation.language) == ("blocked filter of the pump", "en")
    assert explanation.terms == ("block", "filter", "pump")
    assert set(explanation.weights) == {"meaning", "words", "page_words", "document"}
    assert sum(explanation.weights.values()) == pytest.approx(1)
    assert (explanation.expansions, explanation.expression, explanation.pages) == ((), None, None)


async def test_each_search_explains_its_own_weights(library: Library) -> None:
    near = await vector_search(VectorSearch(query="blocked filter", explain=True), library.call())
    assert near.explanation is not None
    assert near.explanation.weights == {"meaning": 1.0}
    assert near.chunks[0].parts is not None
    assert near.chunks[0].parts.words is None
    said = await keyword_search(KeywordSearch(query="blocked filter", explain=True), library.call())
    assert said.explanation is not None
    assert "meaning" not in said.explanation.weights


async def test_an_expression_is_explained_with_its_pages(library: Library) -> None:
    explanation = (await explained(library, "error filter OR door NOT zeppelin")).explanation
    assert explanation is not None
    assert explanation.expression == "(error AND filter) OR (door AND NOT zeppelin)"
    assert explanation.pages == 3
    assert explanation.text == "error filter door"


async def test_concepts_find_the_words_that_state_them_and_are_explained(library: Library) -> None:
    stated = Paper(
        "plain.pdf",
        [
            ["The total current assets were 40, the total current liabilities 20 and inventories 5."],
            ["Ratio of the quick brown fox to the lazy dog."],
        ],
    )
    await library.add(stated)
    narrow = {"filters": Filters(doc_ids=(stated.doc_id,))}
    found = await explained(library, "What was the quick ratio?", **narrow)
    assert found.chunks[0].page == 1
    explanation = found.explanation
    assert explanation is not None
    assert explanation.expansions[0].concept == "quick ratio"
    assert "total current assets" in explanation.expansions[0].words
    ask = HybridSearch(query="What was the quick ratio?", explain=True, **narrow)
    without = await hybrid_search(ask, library.call(search_lexicon="none"))
    assert without.chunks[0].page == 2
    assert without.explanation is not None
    assert without.explanation.expansions == ()
    await library.on.vectors.delete(TenantId("local"), stated.doc_id)


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("What is the diagram on page 10?", (10,)),
        ("What stands on page two and on p. 7?", (2, 7)),
        ("Sum up pages 3-5.", (3, 4, 5)),
        ("Compare pages 3 and 9", (3, 9)),
        ("What is on the first page, what on the last page?", (1, LAST)),
        ("the 12th page", (12,)),
        ("Was steht auf Seite 4?", (4,)),
        ("¿Qué dice la página 6?", (6,)),
        ("第5页讲什么？", (5,)),
        ("pages 1-9000", tuple(range(1, 11))),
        ("page 0", ()),
        ("How many pages has it?", ()),
        ("the home page of 2020", ()),
        ("page 5000000", ()),
    ],
)
async def test_pages_are_named_by_number(question: str, numbers: tuple[int, ...]) -> None:
    assert named_pages(question) == numbers


async def test_a_page_that_the_question_names_comes_first(library: Library) -> None:
    narrow = {"filters": Filters(doc_ids=(PUMP.doc_id,))}
    for query, page in (("What is said on page 1?", 1), ("What is said on the last page?", 3)):
        best = (await explained(library, query, **narrow)).chunks[0]
        assert best.page == page
        assert best.parts is not None
        assert best.parts.named_page == 1.0
    beyond = await explained(library, "What is said on page 99?", **narrow)
    assert beyond.chunks[0].parts is not None
    assert beyond.chunks[0].parts.named_page is None


async def test_without_a_filter_the_page_is_that_of_the_likeliest_document(library: Library) -> None:
    best = (await explained(library, "What does the oven manual say on page 1?")).chunks[0]
    assert (best.doc, best.page) == ("oven_manual.pdf", 1)
    assert (await explained(library, "zzz on page 1")).chunks
