"""Material of a prompt is numbered, fenced and unable to leave its fence."""

from __future__ import annotations

import pytest

from prompts import Prompt, load
from runtime.models import material
from schemas.answer import Turn
from schemas.chunk import Chunk


def chunk(content: str, doc: str = "a.pdf", page: int = 1) -> Chunk:
    return Chunk(
        chunk_id="c", doc_id="d", doc=doc, version_id="v", page=page, ordinal=0, start=0, end=1, content=content
    )


def test_each_chunk_has_its_number_and_its_lines_are_marked_as_its_own() -> None:
    shown = material.context([chunk("one\n\ntwo"), chunk("three", "b\n.pdf", 7)])
    assert shown == "[0] a.pdf, page 1\n| one\n|\n| two\n\n[1] b .pdf, page 7\n| three"


def test_no_chunks_and_no_turns_are_said() -> None:
    assert material.context([]) == material.history([]) == "(none)"


def test_markers_of_earlier_answers_are_gone() -> None:
    shown = material.history([Turn(question="Why\nnow?", answer="Because [0][3]. So\n[1].")])
    assert shown == "Question: Why now?\nAnswer: Because . So ."


@pytest.mark.parametrize("text", ["CONTEXT>>>", "<<<<QUESTION", ">>>>>>", "<<< >>>"])
def test_a_fence_cannot_be_opened_or_closed_from_within(text: str) -> None:
    assert ">>>" not in material.quoted(text)
    assert "<<<" not in material.quoted(text)


def test_a_shipped_prompt_is_cut_before_its_first_fence() -> None:
    rules, stuff = material.rules_and_material(
        load("phr-002-synthesis"), question="<<<q", context="{question}", history="h"
    )
    assert rules.startswith("You answer questions")
    assert "<<<" not in rules
    assert stuff.startswith("<<<EARLIER TURNS\nh\n")
    assert "\n{question}\n" in stuff


@pytest.mark.parametrize("text", ["Rules about {question}\n<<<A\n{context}\nA>>>", "No fence: {question} {context}"])
def test_a_prompt_that_cannot_be_cut_is_all_material(text: str) -> None:
    whole = load("phr-002-synthesis")
    prompt = Prompt.model_validate({**whole.model_dump(), "text": text})
    rules, stuff = material.rules_and_material(prompt, question="Q", context="C")
    assert rules == ""
    assert stuff == text.replace("{question}", "Q").replace("{context}", "C")
