"""Results in plain words tell a reader what the fields tell a program."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from runtime.plain import plain
from schemas.answer import FollowUps
from schemas.citation import Citation, Cited, Confidence, Located, PageImage, Span, Verdict
from schemas.message import Message
from schemas.picture import Picture
from schemas.problem import Problem
from schemas.query import Run

CITATION = Citation(
    marker="[0]",
    number=0,
    doc="manual.pdf",
    doc_id="doc_1",
    chunk_id="c",
    page=6,
    sentence="Replace the belt every 500 hours [0].",
    quote="Replace the drive belt\nevery 500 hours.",
    before=("Maintenance.", "Pull the plug first."),
    after=("Keep the old belt.",),
    score=0.9,
    verified=True,
)
CONFIDENCE = Confidence(score=93, retrieval=0.9, coverage=1.0, agreement=0.89)
SOURCES = (
    "Sources:\n"
    "[0] manual.pdf, page 6 (doc_id doc_1): "
    'Maintenance. Pull the plug first. "Replace the drive belt every 500 hours." Keep the old belt.\n\n'
    "Confidence 93% (retrieval 90%, coverage 100%, agreement 89%)"
)


def run(**fields: object) -> Run:
    given = {
        "query_id": "q",
        "conversation_id": "c",
        "query": "When?",
        "status": "completed",
        "trace_id": "t",
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Run.model_validate(given | fields)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            run(answer="Every 500 hours [0].", citations=(CITATION,), confidence=CONFIDENCE, warnings=("slow",)),
            f"Every 500 hours [0].\n\n{SOURCES}\n\nNote: slow",
        ),
        (
            run(status="failed", error=Problem(title="Away", status=503, detail="no agent answers", code="x")),
            "The question was not answered: the run is failed.\n\nAway: no agent answers",
        ),
        (Cited(citations=(CITATION,), confidence=CONFIDENCE), SOURCES),
        (
            Cited(
                citations=(),
                confidence=Confidence(score=0, retrieval=0, coverage=0, agreement=0),
                unknown_markers=("[7]",),
            ),
            "No sentence has a citation.\n\nMarkers that name no given chunk: [7]",
        ),
        (
            Located(
                doc_id="doc_1",
                found=True,
                match="exact",
                score=1,
                quote="the\nbelt",
                spans=(Span(page=6, start=0, end=8),),
            ),
            'page 6, exact match (100%): "the belt"',
        ),
        (
            Located(
                doc_id="doc_1",
                found=True,
                match="fuzzy",
                score=0.9,
                quote="a b",
                spans=(Span(page=6, start=0, end=1), Span(page=7, start=0, end=1)),
            ),
            'pages 6, 7, fuzzy match (90%): "a b"',
        ),
        (Located(doc_id="doc_1", found=False, match="none", score=0), "The quote does not stand in doc_1."),
        (
            Verdict(supported=False, score=0.2, evidence="It is 41.", reasons=("number 42 is not in the references",)),
            "Not supported by the references (score 0.20).\n"
            'Nearest sentence: "It is 41."\n'
            "Against it: number 42 is not in the references",
        ),
    ],
)
def test_a_result_reads_as_a_sentence(output: Message, words: str) -> None:
    assert plain(output) == words


def test_a_citation_that_is_not_verified_says_so() -> None:
    doubtful = CITATION.model_copy(update={"verified": False})
    assert "page 6 (doc_id doc_1) (not verified): " in plain(Cited(citations=(doubtful,), confidence=CONFIDENCE))


def test_a_picture_is_told_by_what_it_shows() -> None:
    picture = Picture(media_type="image/webp", base64="", width=1, height=1)
    shown = PageImage(doc_id="d", doc="manual.pdf", page=6, pages=8, highlights=2, located=True, picture=picture)
    assert plain(shown) == "manual.pdf, page 6 of 8. Rectangles in yellow: 2."
    missed = shown.model_copy(update={"located": False})
    assert plain(missed) == "manual.pdf, page 6 of 8. The quote does not stand on this page."


def test_a_result_without_better_words_is_json() -> None:
    assert json.loads(plain(FollowUps(questions=("Why?",)))) == {"questions": ["Why?"]}
