"""Tell the language of a document, for use inside child processes: the model takes 100 MB."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any


def _codes(codes: str) -> frozenset[str]:
    return frozenset(codes.split())


LANGUAGES = _codes(
    "af ar bg bn ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kn ko lt lv mk ml mr ms "
    "nl no pa pl pt ro ru sk sl sq sr sv sw ta te th tl tr uk ur vi zh"
)
"""Languages that documents of some length are written in. Rarer ones are left out: they win only by mistake."""

LEAST_LETTERS = 20
"""Letters that a text needs to be judged; a syllable or word sign counts as three."""
LEAST_CONFIDENCE = 0.5


def prepare() -> None:
    """Begin to load the model, which takes a second, while something else is done."""
    _loading()


def language(sample: str) -> str | None:
    """ISO 639-1 code, or None when the text is too short or could be in several languages."""
    letters = sum(3 if char >= "\u2e80" else 1 for char in sample if char.isalpha())
    if letters < LEAST_LETTERS:
        return None
    code, confidence = _loading().result().classify(sample)
    return str(code) if confidence >= LEAST_CONFIDENCE else None


@cache
def _loading() -> Future[Any]:
    return ThreadPoolExecutor(1, thread_name_prefix="language").submit(_load)


def _load() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
