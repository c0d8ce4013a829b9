"""Read searches like `pump AND (valve OR "heat exchanger") AND NOT filter` into a tree; errors tell the column.

NOT binds tightest, then AND, then OR. Words side by side are joined by AND. Only capital operators count, and a text
that ends with a question mark, has function words outside of quotation marks or no small letters is plain language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from runtime.errors import InvalidInputError
from runtime.vectors.stop_words import STOP_WORDS
from schemas.problem import Flaw

DEEPEST = 20
"""Parentheses and NOTs within each other."""

_SYMBOL = re.compile(r'\s*(?:(?P<mark>[()])|"(?P<phrase>[^"]*)(?P<closed>"?)|(?P<word>[^\s()"]+))')
_OPERATOR = re.compile(r"(?<![^\s()\"])(?:AND|OR|NOT)(?![^\s()\"])")
_QUOTED = re.compile(r'"[^"]*"')
_QUESTION_END = re.compile(r"[?？؟]\s*$")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Word:
    """Pages that hold this word, whatever its form. `column` counts from 1."""

    text: str
    column: int


@dataclass(frozen=True)
class Phrase:
    """Pages on which these words stand in a row, whatever their forms; function words between them do not count."""

    text: str
    column: int


@dataclass(frozen=True)
class Not:
    """All pages but these."""

    operand: Expression


@dataclass(frozen=True)
class And:
    """Pages that belong to each."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True)
class Or:
    """Pages that belong to any."""

    operands: tuple[Expression, ...]


Expression = Word | Phrase | Not | And | Or


def is_boolean(text: str) -> bool:
    """Whether capital AND, OR or NOT join words; in plain language and in a text wholly in capitals they are words."""
    bare = _QUOTED.sub(" ", text)
    rest = _OPERATOR.sub(" ", bare)
    if rest == bare or _QUESTION_END.search(text) or _has_function_words(rest):
        return False
    if bare != text:
        return True
    letters = [letter for letter in rest if letter.isalpha()]
    return any(not letter.isupper() for letter in letters) or (not letters and any(map(str.isalnum, rest)))


def _has_function_words(text: str) -> bool:
    """Whether an English word says how the text is built; the operators are English, and so is what mixes with them."""
    return any(word.casefold() in STOP_WORDS["en"] for word in _WORD.findall(text))


def parse(text: str) -> Expression:
    """The tree of an expression. Raises InvalidInputError that names the column and the remedy."""
    return _Parser(text).whole()


def leaves(expression: Expression, *, wanted: bool | None = None, inverted: bool = False) -> Iterator[Word | Phrase]:
    """Its words and phrases in order: all of them, or only those that are wanted (True) or ruled out (False)."""
    match expression:
        case Not(operand):
            yield from leaves(operand, wanted=wanted, inverted=not inverted)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from leaves(operand, wanted=wanted, inverted=inverted)
        case Word() | Phrase():
            if wanted is None or wanted is not inverted:
                yield expression


def written(expression: Expression) -> str:
    """The expression with all that is implied written out: `a b OR c` gives `(a AND b) OR c`."""
    match expression:
        case Word(text):
            return text
        case Phrase(text):
            return f'"{text}"'
        case Not(operand):
            return f"NOT {_grouped(operand)}"
        case And(operands):
            return " AND ".join(map(_grouped, operands))
        case Or(operands):
            return " OR ".join(map(_grouped, operands))


def _grouped(expression: Expression) -> str:
    inner = written(expression)
    return f"({inner})" if isinstance(expression, And | Or) else inner


@dataclass(frozen=True)
class _Symbol:
    """`kind` is `(`, `)`, AND, OR, NOT, `word`, `phrase`, or empty at the end."""

    kind: str
    text: str
    column: int


def _symbols(text: str) -> Iterator[_Symbol]:
    at, last = 0, len(text.rstrip())
    while at < last:
        found = _SYMBOL.match(text, at)
        if found is None:  # only white space is left
            break
        at = found.end()
        if (phrase := found["phrase"]) is not None:
            column = found.start("phrase")
            if not found["closed"]:
                _refuse(column, 'this quotation mark is never closed; add a " behind the phrase')
            yield _Symbol("phrase", phrase, column)
        elif mark := found["mark"]:
            yield _Symbol(mark, mark, found.start("mark") + 1)
        else:
            word = found["word"]
            yield _Symbol(word if word in ("AND", "OR", "NOT") else "word", word, found.start("word") + 1)
    yield _Symbol("", "", last + 1)


class _Parser:
    """Recursive descent: one method for each level of precedence."""

    def __init__(self, text: str) -> None:
        self._symbols = list(_symbols(text))
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> _Symbol:
        return self._symbols[self._at]

    def _take(self) -> _Symbol:
        taken = self._next
        self._at += 1
        return taken

    def whole(self) -> Expression:
        found = self._or()
        if self._next.kind:
            _refuse(self._next.column, "this parenthesis closes nothing; take it out, or open one before it")
        return found

    def _or(self) -> Expression:
        operands = [self._and()]
        while self._next.kind == "OR":
            self._take()
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Expression:
        operands = [self._not()]
        while self._next.kind not in ("OR", ")", ""):
            if self._next.kind == "AND":
                self._take()
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _not(self) -> Expression:
        if self._next.kind != "NOT":
            return self._operand()
        self._enter(self._take())
        found = Not(self._not())
        self._depth -= 1
        return found

    def _operand(self) -> Expression:
        symbol = self._next
        match symbol.kind:
            case "word":
                self._take()
                return Word(symbol.text, symbol.column)
            case "phrase":
                self._take()
                return Phrase(symbol.text, symbol.column)
            case "(":
                return self._group(self._take())
        return self._missing()

    def _group(self, opened: _Symbol) -> Expression:
        self._enter(opened)
        if self._next.kind == ")":
            _refuse(opened.column, "these parentheses are empty; put words between them, or take them out")
        found = self._or()
        if self._take().kind != ")":
            _refuse(opened.column, "this parenthesis is never closed; add a ) behind its group")
        self._depth -= 1
        return found

    def _enter(self, symbol: _Symbol) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            _refuse(symbol.column, f"parentheses and NOTs lie more than {DEEPEST} deep here; write it flatter")

    def _missing(self) -> NoReturn:
        here, before = self._next, self._symbols[self._at - 1] if self._at else None
        if before is not None and before.kind in ("AND", "OR", "NOT"):
            _refuse(before.column, f"{before.text} has nothing behind it; {_REMEDY}")
        if here.kind in ("AND", "OR"):
            _refuse(here.column, f"{here.text} has nothing before it; {_REMEDY}")
        _refuse(here.column, f"something is missing here; {_REMEDY}")


_REMEDY = 'write a word, a "phrase" or a group in parentheses there, or write the operator in small letters'


def refusal(column: int, why: str) -> InvalidInputError:
    """The error for a fault at a column."""
    return InvalidInputError(
        f"the query cannot be read at column {column}: {why}",
        flaws=[Flaw(pointer="/query", detail=f"column {column}: {why}")],
    )


def _refuse(column: int, why: str) -> NoReturn:
    raise refusal(column, why)
