"""Passages and earlier turns as material of a prompt: numbered, fenced, and unable to pose as anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from prompts import Prompt
from runtime.models import markers
from schemas.answer import Turn
from schemas.chunk import Chunk

_FENCE = re.compile(r"<{3,}|>{3,}")
_NONE = "(none)"


def quoted(text: str) -> str:
    """`text` as data: it closes no fence and carries no marker."""
    return markers.neutral(_FENCE.sub(lambda found: " ".join(found[0]), text))


def context(chunks: Sequence[Chunk]) -> str:
    """The chunks, each under a line `[n] file, page p`; their own lines begin with `| `, so that none poses as such."""
    return "\n\n".join(_block(number, chunk) for number, chunk in enumerate(chunks)) or _NONE


def _block(number: int, chunk: Chunk) -> str:
    doc = " ".join(quoted(chunk.doc).split())
    body = "\n".join(f"| {line}".rstrip() for line in quoted(chunk.content).splitlines())
    return f"[{number}] {doc}, page {chunk.page}\n{body}"


def history(turns: Sequence[Turn]) -> str:
    """Earlier questions and answers, oldest first; markers of old answers are gone, for they name other chunks."""
    blocks = [f"Question: {_one_line(turn.question)}\nAnswer: {_one_line(turn.answer)}" for turn in turns]
    return "\n\n".join(blocks) or _NONE


def _one_line(text: str) -> str:
    return " ".join(quoted(markers.MARKER.sub("", text)).split())


def rules_and_material(prompt: Prompt, **values: str) -> tuple[str, str]:
    """The rendered prompt in two: its rules for the system's voice, the fenced material for the user's.

    The cut is before the first fence; a prompt with a placeholder among its rules, or without a fence, is all material.
    """
    rendered = prompt.render(**values)
    rules, fence, _ = prompt.text.partition("\n<<<")
    if not fence or any(f"{{{name}}}" in rules for name in prompt.placeholders):
        return "", rendered
    return rules.strip(), rendered[len(rules) :].strip()
