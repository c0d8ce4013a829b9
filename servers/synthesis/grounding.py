"""How much of an answer names its source: a figure for logs and metrics, cheap enough for every answer."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.models import markers, sufficiency
from runtime.sentences import sentences


@dataclass(frozen=True)
class Grounding:
    """Sentences that state something, those of them with a marker of a given chunk, and markers of no given chunk."""

    statements: int
    sourced: int
    unknown: tuple[int, ...]

    @property
    def rate(self) -> float | None:
        """Share of the statements that name a source, 0..1; None when nothing is stated."""
        return self.sourced / self.statements if self.statements else None


def ground(text: str, chunks: int) -> Grounding:
    """Count the sentences of an answer that was written from `chunks` chunks.

    Sentences that only say what the chunks lack state nothing, and need no source.
    """
    statements = sourced = 0
    for start, end in sentences(text):
        sentence = text[start:end]
        if sufficiency.is_lack(sentence):
            continue
        statements += 1
        sourced += any(number < chunks for number in markers.numbers(sentence))
    unknown = dict.fromkeys(number for number in markers.numbers(text) if number >= chunks)
    return Grounding(statements, sourced, tuple(unknown))
