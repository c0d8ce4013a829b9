"""Answers made on this machine without a language model: the best sentences of the passages, verbatim."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from itertools import groupby
from typing import Literal

from prompts import Prompt
from runtime.models import followups, markers, passages, selection, sufficiency
from runtime.models.contract import Embedder
from runtime.models.passages import Passage
from runtime.models.selection import Choice, Pool, Question
from schemas.answer import Answer, FollowUps
from schemas.chunk import Chunk
from schemas.skills import SuggestFollowUps, Synthesize, Token

WORDS_A_TOKEN = 4
"""Words that travel together."""

_GROUP = re.compile(rf"(?:\S+\s*){{1,{WORDS_A_TOKEN}}}")


class ExtractiveAnswerer:
    """An `Answerer` that quotes. The same question and chunks give the same answer; nothing leaves the machine.

    What stands in a chunk is compared and quoted, never obeyed.
    """

    kind: Literal["extractive", "generated"] = "extractive"
    name = "extractive-minilm"

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def warm(self) -> None:
        """Load the embedding model now."""
        await self._embedder.embed(["warm"])

    async def answer(self, ask: Synthesize, prompt: Prompt) -> AsyncGenerator[Token | Answer]:
        """The answer in groups of words, then the Answer. The prompt is not read; its label says what was asked for."""
        choice = await self._choose(ask)
        text = compose(choice, ask.chunks)
        for found in _GROUP.finditer(text):
            yield Token(content=found[0])
        yield Answer(
            text=text,
            kind=self.kind,
            model=self.name,
            prompt=prompt.label,
            abstained=choice.verdict == "nothing",
            warnings=sufficiency.warnings(text),
        )

    async def follow_ups(self, ask: SuggestFollowUps, prompt: Prompt) -> FollowUps:
        """Questions about headings and phrases of the chunks that the answer does not touch."""
        return FollowUps(questions=await asyncio.to_thread(followups.suggest, ask.question, ask.answer, ask.chunks))

    async def close(self) -> None:
        """Release the embedder."""
        await self._embedder.close()

    async def _choose(self, ask: Synthesize) -> Choice:
        pool = await asyncio.to_thread(_pool, ask)
        if not pool.passages:
            return Choice("nothing", ())
        readings = pool.question.readings
        vectors = await self._embedder.embed([*readings, *(passage.full for passage in pool.passages)])
        return selection.choose(pool, vectors[: len(readings)], vectors[len(readings) :])


def _pool(ask: Synthesize) -> Pool:
    previous = ask.history[-1].question if ask.history else ""
    question = Question.of(ask.question, selection.majority_language(ask.chunks), previous)
    return Pool(question, ask.chunks, passages.cut(ask.chunks))


def compose(choice: Choice, chunks: Sequence[Chunk]) -> str:
    """The text of an answer: at most two paragraphs, each passage with its marker; or that there is none.

    The first paragraph quotes the document of the best passage, the second all others.
    """
    lack = sufficiency.unmentioned(choice.missing)
    if choice.verdict == "nothing":
        return f"{sufficiency.NOTHING} {lack}".strip()
    by_document = groupby(choice.passages, key=lambda passage: chunks[passage.chunk].doc_id)
    first, *others = [" ".join(_sentences(list(group))) for _, group in by_document]
    text = "\n\n".join(filter(None, [first, " ".join(others)]))
    return f"{sufficiency.PARTIAL} {text} {lack}".strip() if choice.verdict == "partial" else text


def _sentences(group: Sequence[Passage]) -> list[str]:
    """Marked sentences; a lead that several passages in a row share is said once."""
    said, found = "", []
    for passage in group:
        shown = passage.text if passage.lead and passage.lead == said else passage.full
        if passage.kind in {"sentence", "fragment"} and shown[:1].islower():
            shown = f"… {shown}"
        said = passage.lead
        found.append(markers.marked(shown, passage.chunk))
    return found
