"""How an answer says that the documents do not suffice, and how such an answer is recognised."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runtime.models import markers

PARTIAL = "Based on the available information, I can provide a partial answer..."
"""Opening of an answer that covers the question only in part; the answer prompt asks for these very words."""

NOTHING = "The documents do not answer this question."
"""All that is said when nothing in the passages bears on the question."""

_MENTION = "The passages found do not mention {}."

ONLY_IN_PART = "The documents answer this question only in part."
UNSOURCED = "No sentence of the answer names its source."
CUT_OFF = "The answer was cut off at the length limit of the model."

_OPENING = re.compile(r"based on the (?:available|given) information,? i can (?:only )?provide a partial answer", re.I)
_LACK = re.compile(
    r"\b(?:documents?|chunks?|context|passages?|sources?|materials?|text|information)\b[^.?!]{0,80}"
    r"\b(?:do(?:es)? not|don[’']t|doesn[’']t|is not|are not|isn[’']t|aren[’']t|cannot|can[’']t|no)\b"
    r"|\b(?:not|nothing|no information|no answer)\b[^.?!]{0,60}\b(?:document|chunk|context|passage|source|material)s?\b"
    r"|\b(?:cannot|can[’']t|could not|unable to)\b[^.?!]{0,30}\b(?:answer|determine|find)\b",
    re.I,
)


def unmentioned(names: Sequence[str]) -> str:
    """A sentence about names that no passage has; empty when there are none."""
    if not names:
        return ""
    *others, last = names
    return _MENTION.format(f"{', '.join(others)} or {last}" if others else last)


def is_partial(text: str) -> bool:
    """Whether the answer says of itself that it is partial."""
    return _OPENING.search(text) is not None


def is_lack(sentence: str) -> bool:
    """Whether a sentence states nothing but what the passages lack, or opens an answer that does."""
    return not markers.numbers(sentence) and (is_partial(sentence) or _LACK.search(sentence) is not None)


def is_abstention(text: str) -> bool:
    """Whether the answer gives nothing from the passages and says so: no marker, and words of lack."""
    return is_lack(text)


def warnings(text: str) -> tuple[str, ...]:
    """What a reader of a written answer should be told beside it."""
    if is_partial(text):
        return (ONLY_IN_PART,)
    if not markers.numbers(text) and not is_abstention(text):
        return (UNSOURCED,)
    return ()
