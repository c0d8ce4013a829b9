"""Turn text into counted terms, by script and language: what keyword search indexes and looks for.

Words are folded (NFKC, case), stop words dropped and the rest stemmed by Snowball where the language is known.
Scripts written without spaces (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) become characters and pairs.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any

from runtime.vectors.stop_words import STOP_WORDS

TERMS_FINGERPRINT = "terms/1"
"""Names this way of making terms; raised whenever the same text would give other terms."""

LONGEST_WORD = 64
"""Characters of a word that count; longer runs are no words but data."""

STEMMERS = {
    "ar": "arabic", "hy": "armenian", "eu": "basque", "ca": "catalan", "cs": "czech", "da": "danish", "nl": "dutch",
    "en": "english", "eo": "esperanto", "et": "estonian", "fi": "finnish", "fr": "french", "de": "german",
    "el": "greek", "hi": "hindi", "hu": "hungarian", "id": "indonesian", "ga": "irish", "it": "italian",
    "lt": "lithuanian", "ne": "nepali", "nb": "norwegian", "nn": "norwegian", "no": "norwegian", "fa": "persian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "es": "spanish",
    "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Snowball algorithm by ISO 639-1 code."""

UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul
    "\u3005-\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Letters of scripts that put no spaces between words, or join endings to them, as a character class."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u0640]")
_PLAIN = str.maketrans("’ʼ‘`´‐‑‒–−", "'''''-----")
"""Apostrophes and hyphens of every kind."""
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOTTED_THOUSANDS = re.compile(r"\d{1,3}(?:\.\d{3})+,\d+|\d{1,3}(?:\.\d{3}){2,}")
_LETTERS_AND_DIGITS = re.compile(r"(?=.*\d)(?=.*[^\W\d_])")
_DIGITS = re.compile(r"\d{2,}")
_SHORT_FISCAL_YEAR = re.compile(r"fy'?(\d{2})")
_MARKED = re.compile("[\u00c0-\u024f\u0300-\u036f\u0370-\u03ff\u1e00-\u1e9f\u1f00-\u1fff]")
_VIETNAMESE = re.compile("[\u1ea0-\u1ef9]")


@cache
def _token() -> re.Pattern[str]:
    """A number, or letters and digits joined by apostrophes or hyphens. Marks belong to the letter before them."""
    scanned = (*range(0x300, 0x1D00), *range(0x1DC0, 0x1E00), *range(0xA800, 0xAC00))
    marks = "".join(chr(code) for code in scanned if unicodedata.category(chr(code)) in ("Mn", "Mc"))
    letter = f"[^\\W_{UNSPACED}][{marks}]*"
    return re.compile(f"\\d+(?:[.,]\\d+)+(?!{letter})|(?:{letter})+(?:['-](?:{letter})+)*")


def folded(text: str) -> str:
    """Compatibility forms and case made equal; soft hyphens, joiners and other invisible characters taken out."""
    if text.isascii():
        return text.lower()
    even = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _INVISIBLE.sub("", even.translate(_PLAIN))


def number(text: str) -> str:
    """A number without thousands separators: `1,234.5` and `1.234,5` give `1234.5`; `1.234` stays as it is."""
    if _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    if _DOTTED_THOUSANDS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text


def characters(run: str) -> Iterator[str]:
    """Each character of a run, and each two neighbours."""
    yield from run
    yield from (run[at : at + 2] for at in range(len(run) - 1))


def figures(word: str) -> Iterator[str]:
    """The figures in a word of letters and digits: `2022` in `fy2022`, `22` and `2022` in `fy22`."""
    if _LETTERS_AND_DIGITS.match(word):
        yield from _DIGITS.findall(word)
        if short := _SHORT_FISCAL_YEAR.fullmatch(word):
            yield "20" + short[1]


def parts(token: str) -> list[str]:
    """The words of a token one after the other: those that hyphens or apostrophes join, or a number."""
    if _NUMBER.fullmatch(token):
        return [number(token)]
    return [part for part in re.split("['-]", token.removesuffix("'s")) if part]


def joined(token: str) -> str | None:
    """A hyphenated token as one word, for some write it so: `email` for `e-mail`."""
    apart = parts(token)
    return "".join(apart) if "-" in token and len(apart) > 1 and not token.replace("-", "").isdecimal() else None


def token_words(token: str) -> Iterator[str]:
    """The words that a token stands for: a hyphenated one whole and in parts, with the figures in them."""
    if whole := joined(token):
        yield whole
    for part in parts(token):
        yield part
        yield from figures(part)


def tokens(text: str) -> Iterator[str]:
    """The tokens of `text`, folded, in order; of scripts without spaces the characters and pairs."""
    clean, at = folded(text), 0
    if not clean.isascii():
        for run in _UNSPACED_RUN.finditer(clean):
            yield from _token().findall(clean, at, run.start())
            yield from characters(run[0])
            at = run.end()
    yield from _token().findall(clean, at)


_local = threading.local()


def _stemmer(language: str) -> Callable[[str], str]:
    """Snowball for `language`, one a thread, since a stemmer holds the word that it works on."""
    held: dict[str, Any] = _local.__dict__
    if language not in held:
        from Stemmer import Stemmer

        held[language] = Stemmer(STEMMERS[language], 0)  # what it stemmed is remembered below
    stem_word: Callable[[str], str] = held[language].stemWord
    return stem_word


@lru_cache(maxsize=50_000)
def stem(word: str, language: str) -> str:
    """The stem of a folded word, without the accents of Latin and Greek script; figures stay as they are.

    Vietnamese keeps its marks where one of them is of that language alone, for they tell words apart.
    """
    if word.isascii() and not word.isalpha():
        return word
    stemmed = _stemmer(language)(word) if language in STEMMERS else word
    if stemmed.isascii() or not _MARKED.search(stemmed) or _VIETNAMESE.search(stemmed):
        return stemmed
    decomposed = unicodedata.normalize("NFD", stemmed)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@lru_cache(maxsize=50_000)
def _stems(token: str, language: str) -> tuple[str, ...]:
    """What a token is indexed under."""
    stops = STOP_WORDS.get(language, frozenset())
    return tuple(stem(word[:LONGEST_WORD], language) for word in token_words(token) if word not in stops)


def words(text: str, language: str | None = None) -> list[str]:
    """Stems of `text` in order, stop words dropped; `language` is an ISO 639-1 code, or None when it is not known."""
    code = (language or "").partition("-")[0].lower()
    return [word for token in tokens(text) for word in _stems(token, code)]


def in_row(text: str) -> Iterator[str]:
    """The words of `text` one after the other, folded, each once; of scripts without spaces the characters."""
    for token in tokens(text):
        if len(token) == 1 or not _UNSPACED_RUN.fullmatch(token):
            yield from parts(token)


def term_index(word: str) -> int:
    """The number below 2**32 - 1 under which a stem is indexed; the same on every machine and in every run."""
    return zlib.crc32(word.encode("utf-8", "surrogatepass")) % (2**32 - 1)


def terms(text: str, language: str | None = None) -> dict[int, int]:
    """Term index to its count in `text`; `language` as in `words`."""
    counts: dict[int, int] = {}
    for word, count in Counter(words(text, language)).items():
        index = term_index(word)
        counts[index] = counts.get(index, 0) + count
    return counts
