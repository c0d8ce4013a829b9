"""A lexicon tells in which words documents state a concept; it is read with care, and can be replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import SettingsError
from servers.retrieval.language import Language
from servers.retrieval.lexicon import PACKAGED, Lexicon, lexicon, singular
from servers.retrieval.query import query_of
from servers.retrieval.server import create_agent
from servers.retrieval.settings import RetrievalSettings

OWN = """
version: 1
language: en
weight: 0.5
fields:
  gardens:
    - when: [watering plan, irrigation]
      look_for: [litres a day, drip hose]
    - when: [plan]
      look_for: [overview]
      weight: 0.25
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


@pytest.mark.parametrize(
    ("question", "concepts"),
    [
        ("Has the quick ratio improved?", ["quick ratio"]),
        ("GROSS MARGINS of two years", ["gross margin"]),
        ("What is capex, and what is the dividend?", ["capex", "dividend"]),
        ("Which debt-to-equity ratio is it?", ["debt to equity"]),
        ("How much R&D was there?", ["r&d"]),
        ("Where does the liquid separate?", []),
        ("Objects that we find and receive", []),
        ("", []),
    ],
)
def test_concepts_are_met_in_singular_and_plural_and_not_by_words_alike(question: str, concepts: list[str]) -> None:
    packaged = lexicon("packaged")
    assert packaged is not None
    assert [expansion.concept for expansion in packaged.expansions(question)] == concepts


def test_the_longest_wording_wins_and_a_concept_counts_once(own: Path) -> None:
    found = Lexicon.read(own).expansions("A watering plan, irrigation, plans")
    assert [(each.concept, each.words, each.weight) for each in found] == [
        ("watering plan", ("litres a day", "drip hose"), 0.5),
        ("plan", ("overview",), 0.25),
    ]


@pytest.mark.parametrize(
    ("word", "single"),
    [("ratios", "ratio"), ("liabilities", "liability"), ("taxes", "tax"), ("gross", "gross"), ("basis", "basis")],
)
def test_plurals_lose_their_ending(word: str, single: str) -> None:
    assert singular(word) == single


def test_other_languages_go_by_stems(tmp_path: Path) -> None:
    path = tmp_path / "de.yaml"
    path.write_text(OWN.replace("language: en", "language: de").replace("irrigation", "Bewässerung"))
    assert Lexicon.read(path).expansions("Bewässerungen")[0].words == ("litres a day", "drip hose")


def test_the_packaged_lexicon_knows_several_fields_and_single_words_only_where_they_are_clear() -> None:
    assert len(PACKAGED.read_text().splitlines()) > 100
    packaged = lexicon("packaged")
    assert packaged is not None
    for plain in ("what is the weight", "which settings", "find the data", "separation", "how does it work"):
        assert packaged.expansions(plain) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OWN.replace("version: 1", "version: 2"), "version: "),
        (OWN.replace("weight: 0.5", "weight: 7"), "weight: Input should be less than or equal to 1"),
        (OWN.replace("look_for: [overview]", "look_for: []"), r"fields\.gardens\.1\.look_for: "),
        (OWN.replace("look_for: [overview]", "look: [overview]"), r"fields\.gardens\.1\.look: Extra inputs"),
        (OWN.replace("irrigation", "plans"), "'plan' and 'plans' are wordings of two concepts"),
        (OWN.replace("irrigation", '"?!"'), "has no letters or digits"),
        ("a: [b", "is no YAML"),
        ("", "is not in the form of a lexicon"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_is_wrong(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=why) as raised:
        Lexicon.read(path)
    assert str(path) in str(raised.value)
    assert "AGENTRAG_SEARCH_LEXICON" in str(raised.value)


def test_an_agent_does_not_start_with_a_lexicon_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    with pytest.raises(SettingsError, match="cannot be read"):
        create_agent(RetrievalSettings(search_lexicon=missing, data=tmp_path, _env_file=None))


def test_no_lexicon_is_a_choice() -> None:
    assert lexicon("none") is None


async def test_expansions_add_words_at_their_weight_and_leave_the_own_ones(own: Path) -> None:
    query = await query_of("Which irrigation is there, in litres?", concepts=Lexicon.read(own))
    assert query.terms.items() <= query.expanded_terms.items()
    added = {index: weight for index, weight in query.expanded_terms.items() if index not in query.terms}
    assert set(added.values()) == {0.5}
    assert query.stems == ("irrig", "litr")


async def test_expressions_and_other_languages_are_not_expanded(own: Path) -> None:
    concepts = Lexicon.read(own)
    assert (await query_of("irrigation AND valve", concepts=concepts)).expansions == ()
    spanish = await query_of("¿Cuál es el plan de la casa?", concepts=concepts)
    assert spanish.language == Language("es", "LATIN")
    assert spanish.expansions == ()
    assert (await query_of("plan", concepts=concepts)).expansions != ()
