"""Questions to ask next, made without a model, about headings, table rows and phrases that the answer left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from runtime.models import markers, passages, words
from schemas.chunk import Chunk

MOST = 3
MOST_CHARS = 160
MOST_NAME_CHARS = 60
"""Longest title that stands for a document; a longer one gives way to the file name."""

TEMPLATES = {
    "heading": "What does {doc} say under “{subject}”?",
    "row": "What are the figures for “{subject}” in {doc}?",
    "phrase": "What does {doc} say about “{subject}”?",
}
WEIGHTS = {"heading": 1.0, "row": 0.8, "phrase": 0.6}
SINGLE = 0.4
"""What a subject of one word loses: it is often too general, or half of something."""
RELATED = 0.3
"""Extra weight of a subject that shares a word with the question."""
MOST_PHRASES = 6
"""Phrases of one chunk that are looked at."""
RANK = 0.15
"""What each further chunk loses."""

_LABEL = re.compile(
    r"^(?:\(?(?:\d+(?:\.\d+)*|[ivxIVX]+|[A-Za-z])[.)](?=\s)|\d+(?:\.\d+)*(?= [^\W\d_])|#+"
    r"|(?:item|note|section|chapter|part|figure|table|appendix|exhibit)\s+[\w.]{1,6}\s*[:.–—-]+)\s*",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"(?:\s+(?:[(\[$€£¥+−-]*\d[\d.,:]*[%)\]]*|[—–-]|[$€£¥%]))+$")
_NOTE = re.compile(r"\s*\(\w{1,3}\)")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_UNFIT = re.compile(r"[|=<>{}\[\]_\\]|https?:|www\.|\.{3}|…|\w@\w")
_RUN = re.compile(r"[^\W\d_][\w’'-]*|[^\w\s]|\d\S*")
_LINK = re.compile(r"\w+://\S+|www\.\S+")
_DANGLING = re.compile(r"[a-z](?:ed|ing|ly)$")


@dataclass(frozen=True)
class Subject:
    """Something that a question can be about."""

    kind: str
    words: str
    chunk: int
    terms: frozenset[str]


def suggest(question: str, answer: str, chunks: Sequence[Chunk]) -> tuple[str, ...]:
    """Up to three questions that the chunks can answer and the answer does not: grammatical, distinct, repeatable."""
    asked = frozenset(words.terms(question))
    covered = asked | frozenset(words.terms(answer))
    fresh = [subject for subject in _subjects(chunks) if len(subject.terms - covered) * 2 >= len(subject.terms)]
    fresh.sort(key=lambda subject: -_weight(subject, asked))  # stable: equals stay in reading order
    chosen: list[Subject] = []
    for subject in fresh:
        if len(chosen) == MOST:
            break
        if all(len(subject.terms & other.terms) * 2 < len(subject.terms | other.terms) for other in chosen):
            chosen.append(subject)
    return kept([_worded(subject, chunks[subject.chunk]) for subject in chosen], question)


def kept(questions: Sequence[str], asked: str) -> tuple[str, ...]:
    """Of suggested questions at most three: one line each, ending in a question mark, distinct, not the one asked."""
    found: dict[str, str] = {}
    for question in questions:
        text = markers.neutral(" ".join(question.split()))
        key = " ".join(words.spelt(text.casefold()))
        if text.endswith(("?", "？")) and len(text) <= MOST_CHARS and key and key != _key(asked):
            found.setdefault(key, text)
    return tuple(found.values())[:MOST]


def _key(text: str) -> str:
    return " ".join(words.spelt(text.casefold()))


def _weight(subject: Subject, asked: frozenset[str]) -> float:
    related = RELATED if subject.terms & asked else 0.0
    single = SINGLE if len(subject.terms) == 1 else 0.0
    return WEIGHTS[subject.kind] + related - single - RANK * subject.chunk


def _worded(subject: Subject, chunk: Chunk) -> str:
    title = " ".join((chunk.title or "").split())
    doc = title if title and len(title) <= MOST_NAME_CHARS and not _UNFIT.search(title) else chunk.doc
    return TEMPLATES[subject.kind].format(doc=doc, subject=subject.words)


def _subjects(chunks: Sequence[Chunk]) -> list[Subject]:
    found: dict[frozenset[str], Subject] = {}
    cut = passages.cut(chunks)
    for passage in cut:
        if passage.kind == "heading":
            named = [("heading", part) for part in passage.text.split(" – ")]
        elif passage.kind == "row":
            named = [("row", _FIGURES.sub("", passage.text))]
        else:
            continue
        for kind, raw in named:
            _add(found, kind, raw, passage.chunk)
    for number in range(len(chunks)):
        for phrase in _phrases([passage.text for passage in cut if passage.chunk == number]):
            _add(found, "phrase", phrase, number)
    return list(found.values())


def _add(found: dict[frozenset[str], Subject], kind: str, raw: str, chunk: int) -> None:
    text = _NOTE.sub("", _LABEL.sub("", raw)).strip(" ,;:–—-•*“”\"'")
    terms = frozenset(words.terms(text))
    if terms and is_subject(text) and not (kind == "heading" and text[0].islower()):  # the rest of a broken line
        found.setdefault(terms, Subject(kind, text, chunk, terms))


def is_subject(text: str) -> bool:
    """Whether `text` can be what a question is about: a few whole words, neither half a sentence nor debris."""
    parts = text.split()
    if not parts or len(parts) > 8 or len(text) > 80 or _UNFIT.search(text) or not _LETTERS.search(text):
        return False
    if text.count("(") != text.count(")") or parts[-1].casefold() in words.FUNCTION_WORDS:
        return False
    if _DANGLING.search(parts[-1]) and parts[-1].islower():
        return False
    letters = sum(character.isalpha() for character in text)
    return letters >= 0.7 * len(text.replace(" ", "")) and (len(parts) > 1 or len(text) > 4)


def _phrases(texts: Sequence[str]) -> Iterator[str]:
    """Two or three words that stand together, as first spelt: the most repeated ones, then whole runs of them."""
    spelt: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for is_word, group in groupby(_RUN.findall(_LINK.sub(" . ", " . ".join(texts))), key=_says_something):
        run = list(group)
        if not is_word:
            continue
        for size in (3, 2):
            for phrase in (" ".join(run[at : at + size]) for at in range(len(run) - size + 1)):
                counts[phrase.casefold()] += 1 if len(run) > size else 2
                spelt.setdefault(phrase.casefold(), phrase)
    repeated = [phrase for phrase, count in counts.most_common() if count > 1 and not _DANGLING.search(phrase)]
    for phrase in repeated[:MOST_PHRASES]:
        yield spelt[phrase]


def _says_something(token: str) -> bool:
    return token[0].isalpha() and len(token) > 3 and token.casefold() not in words.FUNCTION_WORDS | words.PLACES
