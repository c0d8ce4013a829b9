"""English is told by its own words alone, so that most documents need not load the language model."""

import pytest

from servers.ingestion import language

ENGLISH = "The filter of the pump is cleaned with warm water, and the seal that keeps it dry comes from the store. " * 4
OTHERS = {
    "nl": "De pomp of de klep wordt met water gereinigd, en de afdichting van het deksel is droog of nat. " * 4,
    "de": "Die Pumpe wird mit warmem Wasser gereinigt, und der Ring in der Mitte ist trocken oder nass. " * 4,
    "fr": "Le filtre de la pompe est nettoyé avec de l'eau chaude, et le joint qui le garde sec vient du dépôt. " * 4,
    "da": "Pumpen renses med varmt vand, og ringen, der holder den tør, er i midten for det meste. " * 4,
}


def test_prose_in_english_needs_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(language, "_model", refuse)
    assert language.language(ENGLISH) == "en"


@pytest.mark.parametrize(("code", "text"), OTHERS.items())
def test_other_languages_are_left_to_the_model(code: str, text: str) -> None:
    assert not language.is_plainly_english(text)
    assert language.language(text) == code


def test_a_text_with_some_english_in_it_or_a_short_one_is_left_to_the_model() -> None:
    assert not language.is_plainly_english(OTHERS["de"] + "The end of the matter.")
    assert not language.is_plainly_english("The filter of the pump.")
