"""The host's own skill: how far it says to be, and which pages it shows."""

from __future__ import annotations

import pytest

from hosts.orchestrator.ask import cited_pages, progress
from schemas.citation import Citation, Span
from schemas.event import AgentUpdate


def citation(number: int, doc_id: str, page: int, start: int) -> Citation:
    return Citation(
        marker=f"[{number}]",
        number=number,
        doc=f"{doc_id}.pdf",
        doc_id=doc_id,
        chunk_id=f"c{number}",
        page=page,
        sentence="It does.",
        quote="It does.",
        spans=(Span(page=page, start=start, end=start + 8),),
        score=1,
        verified=True,
    )


CITED = [citation(0, "a", 3, 10), citation(1, "b", 3, 20), citation(0, "a", 3, 90), citation(2, "a", 5, 0)]


def test_pages_come_in_the_order_in_which_they_are_cited_each_once_with_all_its_passages() -> None:
    pages = cited_pages(CITED, 2)
    assert [(page.doc_id, page.page, [span.start for span in page.spans]) for page in pages] == [
        ("a", 3, [10, 90]),
        ("b", 3, [20]),
    ]
    assert len(cited_pages(CITED, 8)) == 3
    assert cited_pages([], 3) == []


@pytest.mark.parametrize(
    ("agent", "status", "done"),
    [
        ("retrieval", "running", 0.1),
        ("retrieval", "done", 1),
        ("synthesis", "retrying", 1.1),
        ("synthesis", "done", 2),
        ("citation", "failed", 3),
    ],
)
def test_a_step_that_began_counts_a_little_and_one_that_ended_in_full(agent: str, status: str, done: float) -> None:
    update = AgentUpdate(agent=agent, status=status, message="words")  # type: ignore[arg-type]
    told = progress(update, 3)
    assert (told.done, told.total, told.message) == (pytest.approx(done), 3, "words")
