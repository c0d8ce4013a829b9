"""Boolean expressions are read as documented, name exactly the pages that they should, and faults tell their column."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import InvalidInputError
from runtime.vectors.contract import Hit, Place
from runtime.vectors.terms import in_row, stem
from schemas.chunk import Filters
from schemas.skills import HybridSearch, KeywordSearch, VectorSearch
from servers.retrieval.boolean import And, Expression, Not, Or, Phrase, Word, is_boolean, leaves, parse, written
from servers.retrieval.filters import Scope
from servers.retrieval.page_sets import PageSets, page_texts
from servers.retrieval.server import hybrid_search, keyword_search, vector_search

from .conftest import OVEN, PAPERS, PUMP, TEA, VINO, Library, Paper

EVALUATION = Path(os.environ.get("AGENTRAG_EVAL_DIR", Path(__file__).parents[4] / "shared" / "eval"))

# reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("pump AND valve", "pump AND valve"),
        ("pump OR valve AND seal", "pump OR (valve AND seal)"),
        ("(pump OR valve) AND seal", "(pump OR valve) AND seal"),
        ("NOT pump AND valve", "NOT pump AND valve"),
        ("NOT (pump AND valve)", "NOT (pump AND valve)"),
        ("NOT NOT pump", "NOT NOT pump"),
        ("red pump OR valve", "(red AND pump) OR valve"),
        ("pump NOT filter", "pump AND NOT filter"),
        ("pump AND NOT filter OR seal", "(pump AND NOT filter) OR seal"),
        ('"blocked filter"pump OR(valve)', '("blocked filter" AND pump) OR valve'),
        ("((pump)) OR valve", "pump OR valve"),
        ("pump ANDvalve OR R&D", "(pump AND ANDvalve) OR R&D"),
        ("  pump\tAND\nvalve ", "pump AND valve"),
        ('"a AND b" OR c-d', '"a AND b" OR c-d'),
    ],
)
def test_an_expression_means_what_the_precedence_says(text: str, meant: str) -> None:
    assert written(parse(text)) == meant


WORDS = st.sampled_from(["pump", "valve", "e-mail", "filter", "水", "41"])
LEAVES = st.one_of(WORDS.map(lambda text: Word(text, 0)), st.just(Phrase("blocked filter", 0)))


def _grown(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(inner.map(Not), several.map(And), several.map(Or))


EXPRESSIONS = st.recursive(LEAVES, _grown, max_leaves=8)


@given(EXPRESSIONS)
def test_what_is_written_reads_the_same(expression: Expression) -> None:
    assert written(parse(written(expression))) == written(expression)
    assert [leaf.text for leaf in leaves(parse(written(expression)))] == [leaf.text for leaf in leaves(expression)]


@given(st.lists(st.sampled_from(["(", ")", '"', "AND", "OR", "NOT", "pump", " "]), max_size=40).map("".join))
def test_whatever_is_typed_is_read_or_refused_with_its_column(text: str) -> None:
    refused: InvalidInputError | None = None
    try:
        parse(text)
    except InvalidInputError as error:
        refused = error
    if refused is not None:
        column = re.search(r"at column (\d+): ", str(refused))
        assert column is not None
        assert 1 <= int(column[1]) <= len(text) + 1
        assert refused.flaws[0].pointer == "/query"


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        ("pump AND", 6, "AND has nothing behind it"),
        ("AND pump", 1, "AND has nothing before it"),
        ("pump AND OR valve", 6, "AND has nothing behind it"),
        ("pump NOT", 6, "NOT has nothing behind it"),
        ("pump AND (OR valve)", 11, "OR has nothing before it"),
        ("(pump OR valve", 1, "never closed; add a )"),
        ("pump OR valve) AND seal", 14, "closes nothing; take it out"),
        ("pump AND ()", 10, "empty"),
        ('pump AND "blocked filter', 10, 'add a "'),
        ("", 1, "something is missing here"),
        ("NOT " * 21 + "pump", 81, "more than 20 deep"),
    ],
)
def test_a_fault_tells_column_and_remedy(text: str, column: int, why: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse(text)
    assert f"at column {column}: " in str(raised.value)
    assert why in str(raised.value)


@pytest.mark.parametrize(
    "text",
    ["pump AND valve", "NOT pump", "绿茶 AND 热水", "41 OR 42", '"EBITDA" AND IFRS', '"to be" AND pump', "Öl AND Gas"],
)
def test_capital_operators_make_an_expression(text: str) -> None:
    assert is_boolean(text)


@pytest.mark.parametrize(
    "text",
    [
        "salt and pepper (ground)",
        "Which of these is NOT a hazard?",
        "What does AND mean in this manual",
        "Things that are NOT covered by the warranty",
        "THIS AND THAT",
        "R AND D",
        "ANDROID OR",
        "What is the R AND D budget?",
        '"pump AND valve"',
        "AND OR NOT",
        "",
    ],
)
def test_plain_language_is_no_expression(text: str) -> None:
    assert not is_boolean(text)


# sets of pages --------------------------------------------------------------------------------------------------------

pages_of_library = pytest.mark.asyncio(loop_scope="module")


async def pages(library: Library, text: str, **filters: object) -> set[Place]:
    call = library.call()
    scope = Scope(Filters(**filters), await call.on.records.versions.hidden(call.caller.tenant))
    return set(await PageSets(scope, call).of(parse(text)))


def on(paper: Paper, *numbers: int) -> set[Place]:
    return {(paper.version_id, number) for number in numbers}


@pages_of_library
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors AND (filter OR door)", on(PUMP, 3) | on(OVEN, 3)),
        ("error AND NOT filters", on(OVEN, 3)),
        ('"blocked filter"', set()),
        ('"filter is blocked"', on(PUMP, 3)),
        ('"filters blocking"', on(PUMP, 3)),
        ('"three panes has the door"', set()),
        ('"its door has three panes"', on(OVEN, 1)),
        ('"in nine minutes its door"', on(OVEN, 1)),
        ("pump AND weighs", on(PUMP, 1)),
        ("AX-200", on(PUMP, 1)),
        ("热水", on(TEA, 1)),
        ('"用八十度"', on(TEA, 1)),
        ('"度八十"', set()),
        ("zeppelin OR warm", on(PUMP, 3)),
        ("bodega AND barrica", on(VINO, 2)),
        ('"roble durante doce mes"', on(VINO, 2)),
        ("die OR door", on(OVEN, 1, 3)),
        ("zeppelin", set()),
    ],
)
async def test_an_expression_names_exactly_its_pages(library: Library, text: str, expected: set[Place]) -> None:
    assert await pages(library, text) == expected


@pages_of_library
async def test_not_names_all_other_pages(library: Library) -> None:
    everywhere = {(paper.version_id, number) for paper in PAPERS for number in range(1, len(paper.pages) + 1)}
    assert await pages(library, "NOT zeppelin") == everywhere
    assert await pages(library, "NOT (NOT pump)") == await pages(library, "pump")
    assert await pages(library, "pump OR NOT pump") == everywhere
    assert await pages(library, "NOT error", doc_ids=(OVEN.doc_id,)) == on(OVEN, 1, 2)


@pages_of_library
async def test_a_hyphenated_word_is_found_however_it_is_spelled(library: Library) -> None:
    spelled = Paper("mail.pdf", [["Send an e-mail."], ["Send an email."], ["Send e mail."], ["Send mail."]])
    await library.add(spelled)
    assert await pages(library, "e-mails", doc_ids=(spelled.doc_id,)) == on(spelled, 1, 2, 3)
    assert await pages(library, "email", doc_ids=(spelled.doc_id,)) == on(spelled, 1, 2)
    await library.on.vectors.delete("local", spelled.doc_id)


@pytest.mark.parametrize(
    ("second", "expected"), [(0, "tide rises"), (5, "tide rises"), (7, "tide rises"), (8, "tide ri\nes")]
)
def test_a_page_is_put_together_from_chunks_that_overlap_touch_or_lie_apart(second: int, expected: str) -> None:
    def hit(start: int, end: int) -> Hit:
        told = {"start": start, "end": end, "content": "tide rises"[start:end], "language": "en"}
        return Hit(b"", "chunk", OVEN.doc_id, OVEN.version_id, 1, 0.0, told)

    assert list(page_texts([hit(0, 7), hit(second, 10)])) == [((OVEN.version_id, 1), expected, "en")]


@pages_of_library
async def test_a_phrase_is_found_across_chunks(library: Library) -> None:
    call = library.call()
    long = Paper("tides.pdf", [["The tide rises at", "the northern pier."]])
    await library.add(long)
    assert await pages(library, '"rises at the northern pier"') == on(long, 1)
    await library.on.vectors.delete(call.caller.tenant, long.doc_id)


@pages_of_library
async def test_words_that_no_page_is_indexed_under_are_refused(library: Library) -> None:
    for text, column in (('pump AND "of the"', 10), ("pump AND &", 10)):
        with pytest.raises(InvalidInputError, match=rf"at column {column}: .*take it out"):
            await pages(library, text)


def truth(expression: Expression, words: set[str], row: list[str]) -> bool:
    """Whether one text belongs to an expression, told from the text alone."""
    match expression:
        case Word(text):
            return {stem(word, "en") for word in in_row(text)} <= words
        case Phrase(text):
            wanted = [stem(word, "en") for word in in_row(text)]
            return any(row[at : at + len(wanted)] == wanted for at in range(len(row)))
        case Not(operand):
            return not truth(operand, words, row)
        case And(operands):
            return all(truth(each, words, row) for each in operands)
        case Or(operands):
            return any(truth(each, words, row) for each in operands)


NOUNS = ["pump", "valve", "seal", "motor", "filter"]
PLAIN = st.one_of(
    st.sampled_from(NOUNS).map(lambda text: Word(text, 1)),
    st.tuples(st.sampled_from(NOUNS), st.sampled_from(NOUNS)).map(lambda two: Phrase(" ".join(two), 1)),
)
TEXTS = [" ".join(NOUNS[n] for n in range(5) if at >> n & 1) for at in range(1, 32)]


@pytest.fixture(scope="module")
def rows() -> dict[int, list[str]]:
    return {number: [stem(word, "en") for word in in_row(text)] for number, text in enumerate(TEXTS, 1)}


@pages_of_library
async def test_generated_expressions_obey_set_logic(library: Library, rows: dict[int, list[str]]) -> None:
    nouns = Paper("n.pdf", [[text] for text in TEXTS])
    await library.add(nouns)
    drawn: list[Expression] = []

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(st.recursive(PLAIN, _grown, max_leaves=6))
    def draw(expression: Expression) -> None:
        drawn.append(expression)

    draw()
    for expression in drawn:
        found = await pages(library, written(expression), doc_ids=(nouns.doc_id,))
        expected = {number for number, row in rows.items() if truth(expression, set(row), row)}
        assert found == on(nouns, *expected), written(expression)
    await library.on.vectors.delete("local", nouns.doc_id)


# searching ------------------------------------------------------------------------------------------------------------

SEARCHES = {
    "vector": (vector_search, VectorSearch),
    "keyword": (keyword_search, KeywordSearch),
    "hybrid": (hybrid_search, HybridSearch),
}


@pages_of_library
@pytest.mark.parametrize("name", SEARCHES)
async def test_every_search_finds_pages_of_the_set_and_all_of_them(library: Library, name: str) -> None:
    function, kind = SEARCHES[name]
    for text in ("error OR water", "water AND NOT (clean OR rinse)", "NOT error", "(pump OR oven) AND NOT water"):
        found = await function(kind(query=text, top_k=100), library.call())
        assert {(chunk.version_id, chunk.page) for chunk in found.chunks} == await pages(library, text)


@pages_of_library
async def test_pages_of_the_set_are_ranked_as_usual(library: Library) -> None:
    found = await hybrid_search(
        HybridSearch(query="error AND (open OR door OR bearing) AND NOT zeppelin"), library.call()
    )
    assert found.chunks[0].content == OVEN.pages[2][0]
    assert found.chunks[0].score > found.chunks[-1].score


@pages_of_library
async def test_a_fault_in_an_expression_reaches_the_caller(library: Library) -> None:
    with pytest.raises(InvalidInputError, match="at column 6: AND has nothing behind it"):
        await hybrid_search(HybridSearch(query="pump AND"), library.call())


# a public collection --------------------------------------------------------------------------------------------------


def adi_expressions() -> Iterator[tuple[str, str]]:
    """Published expressions such as `#and ('titles', #or ('a', 'b'), #not ('c'))`, by their id, in our words."""
    for line in (EVALUATION / "ir" / "adi" / "boolean.jsonl").read_text().splitlines():
        row = json.loads(line)
        yield row["_id"], _converted(re.findall(r"#\w+|'[^']*'|[(),]", row["boolean"]))


def _converted(symbols: list[str]) -> str:
    symbol = symbols.pop(0)
    if not symbol.startswith("#"):
        return symbol.strip("'")
    assert symbols.pop(0) == "("
    operands = [_converted(symbols)]
    while symbols.pop(0) == ",":
        operands.append(_converted(symbols))
    if symbol == "#not":
        assert len(operands) == 1
        return f"NOT ({operands[0]})"
    return f"({f' {symbol[1:].upper()} '.join(operands)})"


@pages_of_library
async def test_published_expressions_obey_set_logic(library: Library) -> None:
    corpus = EVALUATION / "ir" / "adi" / "corpus.jsonl"
    if not corpus.is_file():
        pytest.skip(f"no evaluation data at {EVALUATION}; set AGENTRAG_EVAL_DIR to run this")
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    papers = [Paper(f"adi_{row['_id']}.txt", [[f"{row['title']} {row['text']}"]]) for row in rows]
    await library.add(*papers)
    ids = tuple(paper.doc_id for paper in papers)
    texts = {paper.version_id: [stem(word, "en") for word in in_row(paper.pages[0][0])] for paper in papers}

    async def found(text: str) -> set[Place]:
        return await pages(library, text, doc_ids=ids)

    expressions = dict(adi_expressions())
    assert len(expressions) == 35
    for number, text in expressions.items():
        tree = parse(text)
        expected = {(version, 1) for version, row in texts.items() if truth(tree, set(row), row)}
        assert await found(text) == expected, number
        named = [(each, await found(written(each))) for each in inner(tree)]
        for each, its in named:
            for operand in each.operands if isinstance(each, And | Or) else ():
                of_operand = await found(written(operand))
                assert its <= of_operand if isinstance(each, And) else its >= of_operand
            if isinstance(each, Not):
                assert its.isdisjoint(await found(written(each.operand)))
    for paper in papers:
        await library.on.vectors.delete("local", paper.doc_id)


def inner(expression: Expression) -> Iterator[Expression]:
    yield expression
    match expression:
        case Not(operand):
            yield from inner(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from inner(operand)
