"""Tell the language of a document, for use inside child processes: the model takes 100 MB and half a second."""

from __future__ import annotations

import re
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
ENGLISH_ALONE = _codes("the and that with from which")
LEAST_WORDS = 50
LEAST_SHARE = 0.06
"""Of the words of a text; some 10 % in English prose, hardly any elsewhere."""

_WORD = re.compile(r"[^\W\d_]+")


def language(sample: str) -> str | None:
    """ISO 639-1 code, or None when the text is too short or could be in several languages."""
    letters = sum(3 if char >= "\u2e80" else 1 for char in sample if char.isalpha())
    if letters < LEAST_LETTERS:
        return None
    if is_plainly_english(sample):
        return "en"
    code, confidence = _model().classify(sample)
    return str(code) if confidence >= LEAST_CONFIDENCE else None


def is_plainly_english(sample: str) -> bool:
    """Whether words that no other language has are as many as in English prose; then the model is not needed."""
    words = _WORD.findall(sample.casefold())
    english = sum(word in ENGLISH_ALONE for word in words)
    return len(words) >= LEAST_WORDS and english >= LEAST_SHARE * len(words)


@cache
def _model() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
