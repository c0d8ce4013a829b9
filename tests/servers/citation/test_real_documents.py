"""On real documents nearly every sentence is placed, and claims are judged better than by words alone."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from runtime.pagetext import normalise, to_source
from runtime.pdfium import PdfFile
from runtime.sentences import sentences
from schemas.skills import Verify
from servers.citation import server
from servers.citation.locate import PageText, find
from servers.citation.paint import place

EVALUATION = Path(os.environ.get("AGENTRAG_EVAL_DIR", Path(__file__).parents[4] / "shared" / "eval"))
SAMPLED = 100


def sampled_sentences() -> list[tuple[Path, int, str, list[tuple[int, int]]]]:
    """File, page, words and source stretches of sentences drawn at random."""
    chance = random.Random(7)
    files = sorted((EVALUATION / "pdf" / "docs").glob("*.pdf"))
    found: list[tuple[Path, int, str, list[tuple[int, int]]]] = []
    while len(found) < SAMPLED:
        path = chance.choice(files)
        with PdfFile.open(path) as file:
            number = chance.randint(1, file.page_count)
            text, offsets = normalise(file.page(number).text)
        fit = [span for span in sentences(text) if 60 <= span[1] - span[0] <= 500]
        for start, end in chance.sample(fit, min(4, len(fit))):
            found.append((path, number, text[start:end], to_source(offsets, start, end)))
    return found[:SAMPLED]


@pytest.mark.slow
def test_sentences_of_real_documents_are_placed_and_found_again():
    if not (EVALUATION / "pdf" / "docs").is_dir():
        pytest.skip(f"no documents in {EVALUATION}; set AGENTRAG_EVAL_DIR to run this")
    placed = found = 0
    for path, number, words, source in sampled_sentences():
        with PdfFile.open(path) as file:
            (rects,) = place(file, number, [(words, source)])
            text, _ = normalise(file.page(number).text)
        placed += bool(rects)
        match = find(words, PageText(text))
        found += match is not None and match.kind == "exact"
    assert placed >= 0.99 * SAMPLED
    assert found >= 0.99 * SAMPLED


def macro_f1(said: list[bool], true: list[bool]) -> float:
    def f1(kind: bool) -> float:
        hits = sum(a == b == kind for a, b in zip(said, true, strict=True))
        return 2 * hits / max(1, said.count(kind) + true.count(kind))

    return (f1(True) + f1(False)) / 2


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_public_claims_are_judged_better_than_by_words_alone(library):
    lines = [
        line for path in (EVALUATION / "grounding").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()
    ]
    rows = [row for row in map(json.loads, lines) if "label" in row]
    if not rows:
        pytest.skip(f"no claims in {EVALUATION}; set AGENTRAG_EVAL_DIR to run this")
    verdicts = [
        await server.verify_claim(Verify(claim=row["claim"], references=tuple(row["references"])), library.call)
        for row in rows
    ]
    true = [row["label"] == "supported" for row in rows]
    assert macro_f1([verdict.supported for verdict in verdicts], true) > 0.711  # words and one threshold, fitted here
