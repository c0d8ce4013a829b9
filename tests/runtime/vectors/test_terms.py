"""Text becomes the terms that its language and script ask for."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.vectors.stop_words import STOP_WORDS
from runtime.vectors.terms import STEMMERS, number, term_index, terms, tokens, words
from runtime.vectors.weights import MARK


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("connected", "Connections", "en"),
        ("the company's filters", "company filter", "en"),
        ("información", "INFORMACIONES", "es"),
        ("Häuser", "haus", "de"),
        ("Straße", "STRASSE", "de"),
        ("l'économie", "économies", "fr"),
        ("finestra", "finestre", "it"),
        ("informações", "informação", "pt"),
        ("huizen en tuinen", "tuin huizen", "nl"),
        ("столица", "столицы", "ru"),
        ("ﬁlter ①", "filter 1", "en"),
        ("co\u00adoperate", "cooperate", "en"),
        ("don’t panic", "don't panic", "en"),
        ("café", "cafe\u0301", None),
        ("İzmir'de", "izmir'de", "tr"),
    ],
)
def test_forms_of_a_word_give_the_same_terms(one: str, other: str, language: str | None) -> None:
    assert sorted(words(one, language)) == sorted(words(other, language)) != []


@pytest.mark.parametrize(("language", "stops"), STOP_WORDS.items())
def test_function_words_are_dropped_in_their_own_language_only(language: str, stops: frozenset[str]) -> None:
    assert words(" ".join(sorted(stops)), language) == []
    assert words(" ".join(sorted(stops)), None) != []


def test_an_unknown_language_keeps_its_words_as_they_are() -> None:
    assert words("The Connections of Xyzzy") == ["the", "connections", "of", "xyzzy"]
    assert words("The Connections", "xx") == ["the", "connections"]
    assert words("connections", "en-US") == words("connections", "en")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FY2022", ["fy2022", "2022"]),
        ("FY22", ["fy22", "22", "2022"]),
        ("10-K", ["10k", "10", "k"]),
        ("year-over-year", ["yearoveryear", "year", "over", "year"]),
        ("2017-2018", ["2017", "2018"]),
        ("$1,234.5m", ["1,234.5m"]),
        ("1,234.5 and 12", ["1234.5", "and", "12"]),
        ("snake_case", ["snake", "case"]),
        ("Q3'23", ["q3", "23"]),
        ("", []),
        ("-- ... ''", []),
    ],
)
def test_figures_and_hyphens_give_whole_and_parts(text: str, expected: list[str]) -> None:
    if text == "$1,234.5m":
        assert "m" in "".join(words(text)), "a unit glued to a number is kept"
    else:
        assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234", "1234"),
        ("1,234,567.89", "1234567.89"),
        ("1.234.567,89", "1234567.89"),
        ("1.234.567", "1234567"),
        ("1.234", "1.234"),
        ("3,5", "3,5"),
        ("12,34", "12,34"),
    ],
)
def test_thousands_separators_are_taken_out(text: str, expected: str) -> None:
    assert number(text) == expected


@pytest.mark.parametrize(
    ("passage", "question", "elsewhere"),
    [
        ("黑豹队的防守只丢了308分", "防守丢了多少分", "今天天气很好"),
        ("東京都の人口は約1400万人である", "東京の人口", "静かな湖畔の森"),
        ("대한민국의 수도는 서울이다", "수도 서울", "바다가 아름답다"),
        ("ความสูงของอาคารคือสามร้อยเมตร", "ความสูงอาคาร", "ฝนตกหนักมาก"),
        ("भारत की राजधानी नई दिल्ली है", "भारत की राजधानी", "मौसम अच्छा था"),
        ("عاصمة فرنسا هي باريس", "عاصمة فرنسا", "الطقس جميل"),
        ("Η πρωτεύουσα της Ελλάδας", "πρωτεύουσα Ελλάδας", "καλός καιρός"),
        ("בירת ישראל היא ירושלים", "בירת ישראל", "מזג אוויר נאה"),
        ("Thủ đô của Việt Nam là Hà Nội", "thủ đô Việt Nam", "trời đẹp quá"),
    ],
)
def test_every_script_can_be_searched(passage: str, question: str, elsewhere: str) -> None:
    indexed = terms(passage).keys()
    found, by_chance = (len(indexed & terms(text).keys()) for text in (question, elsewhere))
    assert found >= 2 + 2 * by_chance


def test_scripts_without_spaces_give_characters_and_pairs() -> None:
    assert words("水泵A泵", "zh") == ["水", "泵", "水泵", "a", "泵"]


def test_marks_belong_to_their_letter() -> None:
    assert words("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_counts_are_kept() -> None:
    assert terms("pump pumps valve", "en") == {term_index("pump"): 2, term_index("valv"): 1}


def test_term_indices_never_change() -> None:
    assert [term_index(word) for word in ("pump", "泵", "")] == [2551689709, 651022200, 0]


def test_stemmers_work_in_several_threads_at_once() -> None:
    text = " ".join(f"connection{letter} running{letter} houses{letter}" for letter in "abcdefghijklmnop")
    expected, found = words(text, "en"), []

    def work() -> None:
        found.extend(words(text + f" unseen{threading.get_ident()}", "en")[: len(expected)] for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [expected] * 80


@pytest.mark.parametrize("language", sorted(STEMMERS))
def test_every_stemmer_named_is_there(language: str) -> None:
    assert words("alpha 123", language)[-1] == "123"


@given(st.text(max_size=300), st.sampled_from([None, "en", "de", "zh", "tr", "ar"]))
def test_any_text_gives_small_indices_and_positive_counts(text: str, language: str | None) -> None:
    found = terms(text, language)
    assert all(0 <= index < MARK and count > 0 for index, count in found.items())
    assert sum(found.values()) == len(words(text, language))


@given(st.text(max_size=200))
def test_case_does_not_matter(text: str) -> None:
    assert [token.casefold() for token in tokens(text)] == list(tokens(text))
