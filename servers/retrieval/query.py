"""Make a question ready to be searched for: read it, drop what asks for a form of answer, count its terms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from runtime.vectors.stop_words import STOP_WORDS
from runtime.vectors.terms import stem, term_index, token_words, tokens, words
from schemas.chunk import Expansion
from servers.retrieval.boolean import Expression, is_boolean, leaves, parse
from servers.retrieval.language import DEFAULT, Language, language_of, language_of_words
from servers.retrieval.lexicon import Lexicon

_SENTENCE_END = re.compile(r"(?<=[?!。？！])\s*(?=\S)|(?<=[.;])\s+(?=\S)")
_FORM = (
    r"(?:decimals?|decimal places?|significant (?:figures|digits)|integer|float|json|format|bullet(?: point)?s?"
    r"|(?:\w+ )?sentences?|paragraphs?|words|percent(?:s|ages?)?|units?|thousands?|millions?|billions?"
    r"|(?:your|the) (?:answer|response|result|reply))"
)
_POLITE = r"\s*(?:please|kindly|then|also|and|finally)?,?\s*"
_ABOUT_FORM = re.compile(
    rf"^{_POLITE}(?:"
    rf"(?:round|answer|respond|reply|format)\b"
    rf"|(?:express|represent|return|output|write|give|state|provide|present|show|report|put|keep|limit|use)\b.*\b{_FORM}\b"
    rf"|(?:be|keep it) (?:brief|short|concise|precise)\b"
    rf"|(?:do not|don't|no need to) (?:explain|show|include)\b"
    rf")",
    re.IGNORECASE,
)
_PROVISO = re.compile(
    rf"^{_POLITE}(?:if|when|where|should|in case)\b.*(?:,|\bthen\b|\bplease\b)\s*(?:then\s+)?(?:please\s+)?(?:just\s+)?"
    r"(?:state|say|explain|mention|note|indicate|answer|respond|reply|return|write|tell)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？]\s*$|^\s*(?:what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|has|have|had|can|could"
    r"|will|would|should|list|name|find|describe|explain|compare|summari[sz]e|tell)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(rf"\s*\((?:(?:in|as|round(?:ed)?|expressed|answer)\b)[^()]*\b{_FORM}[^()]*\)", re.IGNORECASE)


def sentences(question: str) -> list[str]:
    """The sentences of a question, also where the blank between two is missing."""
    return [part for part in _SENTENCE_END.split(question.strip()) if part]


def without_instructions(question: str) -> str:
    """The question without sentences that only say how to answer; as it is when what is left asks for nothing.

    `What is the margin? Round to two decimals.` becomes `What is the margin?`
    """
    kept = [part for part in sentences(question) if not _ABOUT_FORM.match(part) and not _PROVISO.match(part)]
    if not any(_ASKS.search(part) for part in kept):
        return question.strip()
    return " ".join(_ASIDE.sub("", part) for part in kept).strip()


@dataclass(frozen=True)
class Asked:
    """A question as it is read: the words to look for, and the expression that decides where to look, if it is one."""

    text: str
    expression: Expression | None = None


def read(question: str) -> Asked:
    """Plain language without what is about the form of the answer, or an expression and the words that it wants.

    Raises: InvalidInputError for an expression that cannot be read, with the column.
    """
    if not is_boolean(question):
        return Asked(without_instructions(question))
    expression = parse(question)
    return Asked(" ".join(leaf.text for leaf in leaves(expression, wanted=True)), expression)


TEXTS_KEPT = 1024
"""Questions, and words that the lexicon adds to them, whose stems are remembered."""


@lru_cache(maxsize=TEXTS_KEPT)
def term_weights(text: str, languages: tuple[str, ...]) -> Mapping[int, float]:
    """Term index to weight: how often each word occurs, under each stem that one of `languages` gives it.

    Every word also counts as it is written, for documents whose language was not told when they were indexed.
    """
    stops = frozenset[str]().union(*(STOP_WORDS.get(code, frozenset()) for code in languages[:1]))
    weights: dict[int, float] = {}
    for token in tokens(text):
        for word in token_words(token):
            if word not in stops:
                for index in {term_index(stem(word, code)) for code in ("", *languages)}:
                    weights[index] = weights.get(index, 0.0) + 1.0
    return weights


@lru_cache(maxsize=TEXTS_KEPT)
def different_words(text: str, language: str) -> frozenset[str]:
    """The stems of a text, each once."""
    return frozenset(words(text, language))


@dataclass(frozen=True)
class Query:
    """A question ready to be searched for."""

    text: str
    language: Language
    languages: tuple[str, ...]
    """Languages by whose rules its words are stemmed, the likeliest first."""
    expression: Expression | None = None
    """Which pages may be found at all."""
    expansions: tuple[Expansion, ...] = ()
    """What else is looked for, to rank passages by."""

    @property
    def terms(self) -> Mapping[int, float]:
        """Term index to weight, of the question's own words."""
        return term_weights(self.text, self.languages)

    @cached_property
    def expanded_terms(self) -> Mapping[int, float]:
        """The same with the words of the expansions, each by the weight of its expansion unless it counts more."""
        weights = dict(self.terms)
        for expansion in self.expansions:
            for index in term_weights(self.added_words(expansion), self.languages):
                weights[index] = max(weights.get(index, 0.0), expansion.weight)
        return weights

    @staticmethod
    def added_words(*expansions: Expansion) -> str:
        """The words of expansions as one text."""
        return ", ".join(words for expansion in expansions for words in expansion.words)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems of its own words in the likeliest language, each once, in order."""
        return tuple(dict.fromkeys(words(self.text, self.languages[0])))


def prepare(asked: Asked, language: Language, wanted: Sequence[str] = ()) -> Query:
    """A query in its language; `wanted` are the languages that the documents are filtered by, if any.

    Where the language is open, the words are stemmed by the rules of each language whose function words are known.
    """
    likeliest = [language.code] if language.code is not None else list(wanted)
    languages = dict.fromkeys([*likeliest, *wanted] or [DEFAULT, *STOP_WORDS])
    return Query(asked.text, language, tuple(languages), asked.expression)


async def query_of(question: str, wanted: Sequence[str] = (), concepts: Lexicon | None = None) -> Query:
    """The query that a question makes, expanded by the concepts in it; an expression says itself what it wants."""
    asked = read(question)
    language = await (language_of if asked.expression is None else language_of_words)(asked.text)
    query = prepare(asked, language, wanted)
    if concepts is None or asked.expression is not None or query.languages[0] != concepts.language:
        return query
    return replace(query, expansions=concepts.expansions(query.text))
