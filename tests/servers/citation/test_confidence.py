"""Confidence rests on what was found, what is cited, and how well it supports; without proof it is low."""

from __future__ import annotations

from schemas.chunk import Chunk
from schemas.citation import Citation
from servers.citation.confidence import confidence
from servers.citation.markers import parse


def chunk(score: float) -> Chunk:
    return Chunk(
        chunk_id="c",
        doc_id="d",
        doc="d.pdf",
        version_id="v",
        page=1,
        ordinal=0,
        start=0,
        end=4,
        content="text",
        score=score,
    )


def citation(sentence: str, score: float) -> Citation:
    return Citation(
        marker="[0]",
        number=0,
        doc="d.pdf",
        doc_id="d",
        chunk_id="c",
        page=1,
        sentence=sentence,
        quote="text",
        score=score,
        verified=score >= 0.5,
    )


def of(answer: str, *scores: float, chunk_score: float = 0.9):
    claims = parse(answer, 1).claims
    marked = [claim for claim in claims if claim.marks]
    citations = [citation(claim.sentence, score) for claim, score in zip(marked, scores, strict=True)]
    verified = {claim for claim, score in zip(marked, scores, strict=True) if score >= 0.5}
    return confidence(claims, citations, [chunk(chunk_score)], verified)


def test_a_fully_verified_answer_is_trusted():
    found = of("The motor has 450 W [0]. The bowl is made of steel [0].", 1.0, 0.9)
    assert found.score >= 90
    assert found.coverage == 1
    assert found.agreement == 0.95


def test_a_sentence_without_a_source_lowers_it():
    whole = of("The motor has 450 W [0].", 1.0)
    part = of("The motor has 450 W [0]. The bowl is made of fine steel.", 1.0)
    assert part.coverage == 0.5
    assert part.score < whole.score


def test_headings_lead_ins_and_questions_need_no_source():
    answer = "# The motor of the grinder\n\nThese are the things to know:\n- the motor has 450 W [0]"
    assert of(answer, 1.0).coverage == 1


def test_an_answer_without_markers_has_little():
    found = of("The documents given do not answer this question.")
    assert found.score <= 10
    assert (found.coverage, found.agreement) == (0, 0)


def test_citations_that_do_not_hold_are_worth_little():
    assert of("The motor has 450 W [0].", 0.2).score < 15


def test_scores_beyond_the_scale_are_cut():
    assert of("The motor has 450 W [0].", 1.0, chunk_score=7.0).retrieval == 1
    assert of("The motor has 450 W [0].", 1.0, chunk_score=-1.0).retrieval == 0


def test_nothing_gives_nothing():
    assert confidence((), (), (), set()).score == 0
