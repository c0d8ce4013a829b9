"""Decide exactly which pages a boolean expression names: sets of pages by the stems that the index holds of them.

The page is the unit: `A AND B` names pages that hold both, wherever on the page. A word is there when a form of it is,
by the rules of the page's own language. The name of a document and the first lines of a page belong to the words of the
page, as everywhere in the index; a phrase has to stand in its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from runtime.vectors.contract import Place
from runtime.vectors.stop_words import STOP_WORDS
from runtime.vectors.terms import LONGEST_WORD, STEMMERS, in_row, joined, parts, stem, term_index, tokens
from servers.retrieval.boolean import And, Expression, Not, Or, Phrase, Word, leaves, refusal

if TYPE_CHECKING:
    from runtime.call import Call
    from runtime.vectors.contract import Hit, Probe
    from servers.retrieval.filters import Scope

Pages = frozenset[Place]
NOWHERE: Pages = frozenset()

NO_RULES = ""
"""Stands for the languages that are not stemmed, and for pages of which the language is not known."""
PAGES_AT_ONCE = 64
"""Pages whose text is fetched in one go to look for phrases."""


def spellings(token: str) -> list[list[str]]:
    """The ways to write a token, each as words that all have to be there: a hyphenated one in parts, or as one word."""
    whole = joined(token)
    return [parts(token), [whole]] if whole else [parts(token)]


def term(word: str, code: str) -> int:
    """The index of a word's stem by the rules of a language."""
    return term_index(stem(word[:LONGEST_WORD], code))


def stems(text: str, code: str) -> list[str]:
    """The stems of a text one after the other, without the function words of its language."""
    stops = STOP_WORDS.get(code, frozenset())
    return [stem(word[:LONGEST_WORD], code) for word in in_row(text) if word not in stops]


def stands(wanted: Sequence[str], row: Sequence[str]) -> bool:
    """Whether the wanted stems, if there are any, stand somewhere in a row."""
    size = len(wanted)
    return size > 0 and any(row[at : at + size] == wanted for at in range(len(row) - size + 1))


def page_texts(hits: Iterable[Hit]) -> Iterator[tuple[Place, str, str]]:
    """The text of each page and its language, put together from all its chunks in order, which may overlap."""
    for place, chunks in groupby(hits, key=lambda hit: (hit.version, hit.page)):
        text, reached, language = "", 0, None
        for chunk in chunks:
            start, content, language = (chunk.payload[name] for name in ("start", "content", "language"))
            text += content[reached - start :] if start <= reached else f"\n{content}"
            reached = max(reached, chunk.payload["end"])
        yield place, text, language or NO_RULES


def _words(leaf: Word | Phrase) -> set[str]:
    """All words that a leaf may be found by. Raises InvalidInputError when there are none."""
    if isinstance(leaf, Phrase):
        found = set(in_row(leaf.text)) - STOP_WORDS["en"]
    else:
        found = {word for token in tokens(leaf.text) for way in spellings(token) for word in way}
    if not found:
        raise refusal(
            leaf.column,
            f"{leaf.text!r} has no word that pages are found by, for function words are not indexed; take it out",
        )
    return found | set(in_row(leaf.text))


class PageSets:
    """The pages that an expression names, in what a search may look at."""

    def __init__(self, scope: Scope, call: Call) -> None:
        self._scope = scope
        self._call = call
        self._spoken: dict[str, Pages] = {}
        self._holding: Mapping[int, Pages] = {}
        self._phrases: dict[Phrase, Pages] = {}

    async def of(self, expression: Expression) -> Pages:
        """Its pages. Raises InvalidInputError for a word or phrase that nothing can be indexed under."""
        words = set[str]().union(*map(_words, leaves(expression)))
        self._spoken = await self._by_language()
        terms = sorted({term(word, code) for word in words for code in self._spoken})
        found = await self._ask([self._scope.by_words("page_terms", {each: 1.0}, top_k=1) for each in terms])
        self._holding = dict(zip(terms, found, strict=True))
        for leaf in leaves(expression):
            if isinstance(leaf, Phrase) and leaf not in self._phrases:
                self._phrases[leaf] = await self._with_phrase(leaf)
        return self._named(expression)

    async def _ask(self, probes: Sequence[Probe]) -> list[Pages]:
        return await self._call.on.vectors.pages(self._call.caller.tenant, probes)

    async def _by_language(self) -> dict[str, Pages]:
        """All pages that may be found, by the rules that their words were stemmed by."""
        every = self._scope.by_words("page_terms", {}, top_k=1)
        codes = [code for code in sorted(STEMMERS) if code in (every.filters.languages or STEMMERS)]
        narrowed = [replace(every, filters=every.filters.model_copy(update={"languages": (code,)})) for code in codes]
        everywhere, *found = await self._ask([every, *narrowed])
        spoken = {code: pages for code, pages in zip(codes, found, strict=True) if pages}
        return spoken | {NO_RULES: everywhere.difference(*spoken.values())}

    @property
    def _everywhere(self) -> Pages:
        return NOWHERE.union(*self._spoken.values())

    def _named(self, expression: Expression) -> Pages:
        match expression:
            case Word(text):
                ways = [[self._with_words(way) for way in spellings(token)] for token in tokens(text)]
                return self._everywhere.intersection(*(NOWHERE.union(*pages) for pages in ways))
            case Phrase():
                return self._phrases[expression]
            case Not(operand):
                return self._everywhere - self._named(operand)
            case And(operands):
                return self._everywhere.intersection(*map(self._named, operands))
            case Or(operands):
                return NOWHERE.union(*map(self._named, operands))

    def _with_words(self, words: Sequence[str]) -> Pages:
        """Pages that hold all these words."""
        return NOWHERE.union(
            *(
                pages.intersection(*(self._holding[term(word, code)] for word in words))
                for code, pages in self._spoken.items()
            )
        )

    def _likely(self, phrase: Phrase) -> Iterator[Pages]:
        """Pages that hold the words of a phrase, but for the function words of their language."""
        for code, pages in self._spoken.items():
            words = [word for word in in_row(phrase.text) if word not in STOP_WORDS.get(code, ())]
            if words:
                yield pages.intersection(*(self._holding[term(word, code)] for word in words))

    async def _with_phrase(self, phrase: Phrase) -> Pages:
        """Pages that hold its words, as far as their text has them in a row."""
        likely = sorted(NOWHERE.union(*self._likely(phrase)))
        wanted = {code: stems(phrase.text, code) for code in self._spoken}
        found: set[Place] = set()
        for start in range(0, len(likely), PAGES_AT_ONCE):
            some = likely[start : start + PAGES_AT_ONCE]
            for place, text, language in page_texts(await self._call.on.vectors.fetch(self._call.caller.tenant, some)):
                code = language if language in self._spoken else NO_RULES
                if stands(wanted[code], stems(text, code)):
                    found.add(place)
        return frozenset(found)
