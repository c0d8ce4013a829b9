"""Markers `[n]` in answers: found, placed behind a sentence, and kept from arising out of quoted text."""

from __future__ import annotations

import re

MARKER = re.compile(r"\[(\d{1,3})\]")

_NUMBER_IN_BRACKETS = re.compile(r"[\[【［]([\d\s,;–—-]*\d[\d\s,;–—-]*)[\]】］]")
_ENDING = re.compile(r"[.!?…。！？।][\"'”’»)\]」』]*$")


def neutral(text: str) -> str:
    """`text` without anything that reads as a marker: `[3]` and `[1, 2]` become `(3)` and `(1, 2)`."""
    return _NUMBER_IN_BRACKETS.sub(r"(\1)", text)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers of all markers of `text`, in order, repeated ones too."""
    return tuple(int(found[1]) for found in MARKER.finditer(text))


def marked(sentence: str, number: int) -> str:
    """`sentence` with its marker before the closing stop: `It opens [0].`; a stop is added where there is none."""
    ending = _ENDING.search(sentence)
    if ending is None:
        return f"{sentence.rstrip(' :;,')} [{number}]."
    return f"{sentence[: ending.start()].rstrip()} [{number}]{ending[0]}"
