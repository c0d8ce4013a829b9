"""Tell the language of a question, which is often too short for a language model: by script, then by function words."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from runtime.vectors.stop_words import STOP_WORDS
from runtime.vectors.terms import STEMMERS, folded

DEFAULT = "en"
CLEAR_LEAD = 0.5
"""Votes of function words by which one language must lead the next."""

SCRIPTS = {
    "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "CJK": "zh", "THAI": "th", "GREEK": "el", "HEBREW": "he",
    "TAMIL": "ta", "ARMENIAN": "hy", "CYRILLIC": "", "ARABIC": "", "DEVANAGARI": "",
}  # fmt: skip
"""Language that a script stands for; empty where it is shared by several that are stemmed differently."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Language:
    """A language and how sure that is. `code` is ISO 639-1; `script` is `LATIN`, a key of `SCRIPTS`, or empty."""

    code: str | None
    script: str

    @property
    def is_latin(self) -> bool:
        """Whether it is written in Latin script, as far as it has letters at all."""
        return self.script in ("LATIN", "")


def script_of(text: str) -> str:
    """The script of most letters; Japanese wins over its Chinese characters. Empty when there are none known."""
    names = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in text if letter.isalpha())
    known = {name: count for name, count in names.items() if name == "LATIN" or name in SCRIPTS}
    if {"HIRAGANA", "KATAKANA"} & known.keys():
        return "HIRAGANA"
    return max(known, key=known.__getitem__, default="")


def votes(text: str) -> Counter[str]:
    """How much the function words of `text` speak for each language; one that several share counts for each less."""
    found: Counter[str] = Counter()  # of fractions
    for word in _WORD.findall(folded(text)):
        speaking = [code for code, stops in STOP_WORDS.items() if word in stops]
        for code in speaking:
            found[code] += 1 / len(speaking)  # type: ignore[assignment]
    return found


def by_function_words(text: str) -> str | None:
    """The language that function words clearly speak for; one word alone may be English by chance: `door`, `die`."""
    (first, lead), (_, second) = [*votes(text).most_common(2), ("", 0), ("", 0)][:2]
    if lead - second < CLEAR_LEAD or (first != DEFAULT and lead <= 1 and text.isascii()):
        return None
    return first


async def language_of(question: str) -> Language:
    """The language of a question; `code` is None when plain words without accents leave it open."""
    script = script_of(question)
    if script in ("LATIN", "") and (code := by_function_words(question)):
        return Language(code, script)
    return await language_of_words(question)


async def language_of_words(text: str) -> Language:
    """The same for words that are no sentence, among which a function word would be one by chance: `door` in Dutch."""
    script = script_of(text)
    if code := SCRIPTS.get(script):
        return Language(code, script)
    if script in ("LATIN", "") and text.isascii():
        return Language(None, script)
    return Language(await asyncio.to_thread(_by_model, text), script)


def _by_model(text: str) -> str:
    """The likeliest of the languages that are stemmed, by a model that takes half a second to load."""
    return str(_identifier().classify(text)[0])


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages([*(code for code in STEMMERS if code in identifier.nb_classes), "vi"])
    return identifier
