"""What the words of a question and of a passage are compared by, and which of them are names or numbers."""

from __future__ import annotations

import re
import unicodedata

from runtime.vectors import terms as index
from runtime.vectors.stop_words import STOP_WORDS

DEFAULT_LANGUAGE = "en"
"""What a text is taken for whose language nobody knows."""

FUNCTION_WORDS = STOP_WORDS[DEFAULT_LANGUAGE]

PLACES = frozenset(
    (
        "table",
        "figure",
        "fig",
        "section",
        "page",
        "appendix",
        "chapter",
        "note",
        "item",
        "part",
        "annex",
        "exhibit",
        "line",
    )
)
"""Words that name a place in a document, and are not names although they are written so."""

REFERENCES = frozenset(
    ("document", "page", "text", "file", "word", "name", "tabl", "figur", "section", "chapter", "appendix", "paragraph")
)
"""Stems that tell where to look and hardly what for."""

LEGAL_FORMS = frozenset(
    ("inc", "co", "corp", "ltd", "llc", "plc", "ag", "sa", "gmbh", "com", "compani", "group", "hold")
)
"""Stems that stand behind the name of a company and add nothing to it."""

_ASKING = frozenset(("give", "given", "get", "tell", "describ", "explain", "list", "mention", "pleas", "much", "mani"))
"""Stems that ask and are not what is asked about."""

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*")
_UNSPACED = re.compile(f"[{index.UNSPACED}]")
_LABELS = re.compile(r"\b(?:FY|CY|Q|H|No)(?=[.'’ ]?\d)", re.IGNORECASE)
_ASIDE = re.compile(r"\([^)]*\)")
_POSSESSIVE = re.compile(r"['’]s?$")


def terms(text: str, language: str | None = None) -> list[str]:
    """Stems in order, repeated ones too, without function words and words of asking; as keyword search has them."""
    return [word for word in index.words(text, language or DEFAULT_LANGUAGE) if word not in _ASKING]


def spelt(text: str) -> list[str]:
    """Words and numbers in order, as written, without a possessive `'s`."""
    return [_POSSESSIVE.sub("", found) for found in _WORD.findall(unicodedata.normalize("NFKC", text))]


def unlabelled(text: str) -> str:
    """`text` without the letters that only say what kind of number follows: `FY2023` becomes `2023`."""
    return _LABELS.sub(" ", text)


def specifics(question: str, language: str | None = None) -> dict[str, str]:
    """Names and numbers of a question, term to spelling: what a passage about another person, product or year lacks.

    What stands in parentheses is left out. A name is a word with a capital that does not begin the question, or, where
    most words have one, a word all in capitals; a question wholly in capitals has no names.
    """
    written = [word for word in spelt(unlabelled(_ASIDE.sub(" ", question))) if not _UNSPACED.search(word)]
    letters = [word for word in written if not word[0].isdigit()]
    if sum(word[0].isupper() for word in letters) <= 0.7 * len(letters):
        names = [word for word in letters[1:] if word[0].isupper() and word.casefold() not in PLACES]
    else:
        names = [word for word in letters if word.isupper() and len(word) > 1]
        names = names if len(names) <= len(letters) // 2 else []
    found: dict[str, str] = {}
    for word in [*names, *(word for word in written if word[0].isdigit())]:
        for term in terms(word, language):
            if len(term) > 1 or term.isdigit():
                found.setdefault(term, word)
    return found
