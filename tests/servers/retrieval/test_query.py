"""Questions are cleaned of what is not looked for, and their words counted under every stem they may have."""

import pytest

from runtime.vectors.terms import term_index, terms
from servers.retrieval.language import Language, by_function_words, language_of, script_of
from servers.retrieval.query import Asked, prepare, query_of, read, sentences, term_weights, without_instructions

ENGLISH = Language("en", "LATIN")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the flow rate? Round to one decimal.", "What is the flow rate?"),
        ("What is the flow rate?Answer in litres", "What is the flow rate?"),
        ("Please answer briefly. How heavy is it?", "How heavy is it?"),
        ("How heavy is it (in kilos, rounded to two decimals)?", "How heavy is it?"),
        ("How heavy is it? Keep your answer under 50 words.", "How heavy is it?"),
        ("How heavy is it? Give the result as an integer.", "How heavy is it?"),
        ("Did costs rise? If costs are not given, then please say so and tell why.", "Did costs rise?"),
        ("Did costs rise? Be concise. Don't explain.", "Did costs rise?"),
        ("Name both valves. Write two sentences.", "Name both valves."),
    ],
)
def test_sentences_about_the_form_of_the_answer_are_dropped(question: str, expected: str) -> None:
    assert without_instructions(question) == expected


@pytest.mark.parametrize(
    "question",
    [
        "Give the turnover in millions.",
        "We built a pump. Give its price in thousands.",
        "Round tables in the hall: how many?",
        "If the motor stops, what should I check?",
        "How do I state a claim?",
        "What does the answer key say about item 3?",
        "Explain how the valve works.",
        "How far is it from the U.S. to Peru?",
        "Which units (in stock or on order) are affected?",
        "Answer",
        "",
    ],
)
def test_what_is_asked_for_stays(question: str) -> None:
    assert without_instructions(question) == question


def test_sentences_are_told_apart_without_a_blank() -> None:
    assert sentences("Is it? Yes! No.Really; ok") == ["Is it?", "Yes!", "No.Really;", "ok"]


def test_an_expression_is_looked_for_by_the_words_it_wants() -> None:
    assert (
        read('(pump OR valve) AND "heat exchanger" NOT (filter OR NOT seal)').text == "pump valve heat exchanger seal"
    )
    assert read("NOT pump").text == ""


async def test_neither_operators_nor_words_of_an_expression_tell_its_language() -> None:
    assert (await query_of("bomba AND (la OR el) AND vino")).language == Language(None, "LATIN")
    assert (await query_of("leaking door")).language == Language(None, "LATIN")
    assert (await query_of("Türschlösser AND Öffnungszeiten")).language.code == "de"


def test_terms_count_each_word_under_its_stem_and_as_written() -> None:
    weights = term_weights("pumps pumps the Pump", ("en",))
    assert weights == {term_index("pump"): 3.0, term_index("pumps"): 2.0}


def test_terms_of_a_question_meet_those_of_a_text_in_its_language() -> None:
    for text, language in (("Las bodegas guardan vinos", "es"), ("Connected filters", "en"), ("Häuser", "de")):
        assert terms(text, language).keys() <= term_weights(text, (language,)).keys()
        assert terms(text, None).keys() & term_weights(text, (language,)).keys()


def test_an_open_language_is_stemmed_by_all_rules() -> None:
    query = prepare(Asked("bodegas filters"), Language(None, "LATIN"))
    assert query.languages[0] == "en"
    for word in ("bodeg", "bodega", "filter"):
        assert term_index(word) in query.terms


def test_the_languages_that_are_filtered_by_are_stemmed_too() -> None:
    assert prepare(Asked("x"), ENGLISH, ("de", "en")).languages == ("en", "de")
    assert prepare(Asked("x"), Language(None, "LATIN"), ("de",)).languages == ("de",)


@pytest.mark.parametrize(
    ("question", "code", "script"),
    [
        ("What is the flow rate?", "en", "LATIN"),
        ("¿Cuál es el precio de la bomba?", "es", "LATIN"),
        ("Wie hoch war der Umsatz?", "de", "LATIN"),
        ("Quel est le prix de la pompe ?", "fr", "LATIN"),
        ("Qual è il prezzo della pompa?", "it", "LATIN"),
        ("Qual é o preço da bomba? Não sei", "pt", "LATIN"),
        ("Wat is de prijs van deze pomp?", "nl", "LATIN"),
        ("Pompanın fiyatı nedir?", "tr", "LATIN"),
        ("Сколько стоит насос?", "ru", "CYRILLIC"),
        ("水泵多少钱？", "zh", "CJK"),
        ("ポンプの値段は？", "ja", "HIRAGANA"),
        ("펌프 가격은?", "ko", "HANGUL"),
        ("πόσο κοστίζει η αντλία", "el", "GREEK"),
        ("كم سعر المضخة؟", "ar", "ARABIC"),
        ("पंप की कीमत क्या है", "hi", "DEVANAGARI"),
        ("AX-200 1234", None, "LATIN"),
        ("depreciation expense", None, "LATIN"),
        ("42 + 17", None, ""),
    ],
)
async def test_the_language_of_a_question_is_told(question: str, code: str | None, script: str) -> None:
    assert await language_of(question) == Language(code, script)


def test_function_words_of_several_languages_decide_nothing() -> None:
    assert by_function_words("a no me") is None
    assert by_function_words("") is None


def test_latin_letters_among_others_do_not_hide_a_script() -> None:
    assert script_of("这个 AX 水泵的流量") == "CJK"
    assert script_of("the 水 of pumps") == "LATIN"
