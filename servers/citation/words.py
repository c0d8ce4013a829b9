"""The words by which claims and passages are compared, and which of them are names."""

from __future__ import annotations

import re
import unicodedata

from runtime.vectors import terms as index

LANGUAGE = "en"
"""Language whose stop words are left out and whose endings are cut off; others lose little by it."""

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+")


def terms(text: str) -> list[str]:
    """Stems in order, repeated ones too, without stop words; as keyword search has them."""
    return index.words(text, LANGUAGE)


def spelt(text: str) -> list[str]:
    """Words and numbers in order, all of them, in lower case."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", text))]


def names(text: str) -> set[str]:
    """Stems of the words that have a capital and do not begin the text; none where most words have one."""
    words = [word for word in _WORD.findall(text) if not word[0].isdigit()]
    capital = [word for word in words[1:] if word[0].isupper()]
    if 2 * len(capital) > len(words):
        return set()
    return {term for word in capital for term in terms(word)}
