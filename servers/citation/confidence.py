"""How far an answer can be trusted: what was found, how much of it is cited, how well its quotes support it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from schemas.chunk import Chunk
from schemas.citation import Citation, Confidence
from servers.citation.markers import Claim

RETRIEVAL, COVERAGE, AGREEMENT = 0.2, 0.45, 0.35
"""What the parts weigh; they add up to 1."""
UNPROVED = 0.3
"""What is left of the confidence in an answer none of whose citations is verified."""

_WORDS = re.compile(r"\w+")


def confidence(
    claims: Sequence[Claim], citations: Sequence[Citation], chunks: Sequence[Chunk], verified: Collection[Claim]
) -> Confidence:
    """Confidence in an answer; `verified` are the sentences with a citation that holds. Low without any."""
    used = [chunks[citation.number].score for citation in citations]
    retrieval = min(1.0, max(0.0, max(used, default=max((chunk.score for chunk in chunks), default=0.0))))
    statements = [claim for claim in claims if _states(claim)]
    coverage = sum(claim in verified for claim in statements) / len(statements) if statements else 0.0
    agreement = sum(citation.score for citation in citations) / len(citations) if citations else 0.0
    total = RETRIEVAL * retrieval + COVERAGE * coverage + AGREEMENT * agreement
    if not verified:
        total *= UNPROVED
    return Confidence(
        score=round(100 * total),
        retrieval=round(retrieval, 4),
        coverage=round(coverage, 4),
        agreement=round(agreement, 4),
    )


def _states(claim: Claim) -> bool:
    """Whether a sentence states something that could be cited: no heading, no lead-in to a list, no question."""
    text = claim.text
    return bool(claim.marks) or (len(_WORDS.findall(text)) > 3 and text[-1:] not in {":", "?"} and text[:1] != "#")
