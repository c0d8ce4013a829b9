"""Judge whether references support a claim: by their words, by meaning, and by the numbers and negations in them.

The weights were fitted by logistic regression on public claims with human verdicts and rounded; they hold for sources
left out of the fit. Nothing here can tell a true claim from a false one, only a supported from an unsupported one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from runtime.sentences import sentences
from schemas.citation import Verdict
from servers.citation import figures
from servers.citation.canonical import bare
from servers.citation.words import spelt, terms

THRESHOLD = 0.5
"""Score from which a claim counts as supported."""
CLOSE = 0.6
"""Share of common terms (of those of both) from which a sentence is the claim but for a word, so that a contradiction
shows."""
LEAST_VERBATIM = 12
"""Canonical characters from which a claim that stands in a reference word for word needs no further look."""
MOST_FAULTS = 3
"""Faults beyond this many make a claim no worse."""

_MARKER = re.compile(r"\s*\[\d+(?:\s*,\s*\d+)*\]")
_NEGATION = re.compile(
    r"\b(?:no(?!\.)|not|never|none|neither|nor|without|cannot|unable|failed|fails|lacks?|nicht|kein\w*|nie|no|sin|nunca|sans)\b"
    r"|\w+n['’]t\b",
    re.IGNORECASE,
)
_UP = re.compile(r"\b(?:increas\w*|r[io]se[ns]?|rising|gr[eo]w\w*|higher|gain\w*|improv\w*|expand\w*)\b", re.IGNORECASE)
_DOWN = re.compile(
    r"\b(?:decreas\w*|f[ae]ll\w*|declin\w*|drop\w*|lower\w*|reduc\w*|shr[aiu]nk\w*|worsen\w*)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Passage:
    """A stretch of a reference that a claim is compared with, and its sentences."""

    text: str
    sentences: tuple[str, ...]


def passages(references: Sequence[str]) -> list[Passage]:
    """What a claim is compared with: every two neighbouring sentences, and each reference as a whole."""
    found: list[Passage] = []
    for reference in references:
        parts = tuple(reference[start:end] for start, end in sentences(reference))
        if len(parts) > 2:
            found += [Passage(f"{first} {second}", (first, second)) for first, second in pairwise(parts)]
        if parts:
            found.append(Passage(reference.strip(), parts))
    return found


def bare_claim(claim: str) -> str:
    """The claim without its markers."""
    return _MARKER.sub("", claim).strip()


@dataclass(frozen=True)
class Evidence:
    """How the words of a claim stand in the references.

    `in_order` is the share of its terms that stand in their order in two neighbouring sentences, `phrases` that of its
    runs of three words; `likeness` is the share of terms that the claim and the nearest sentence have in common.
    """

    in_order: float
    phrases: float
    nearest: str
    likeness: float
    is_verbatim: bool


def judge(claim: str, references: Sequence[str], meaning: float | None = None) -> Verdict:
    """Whether the references support the claim. `meaning` is the cosine of the claim and the nearest of `passages`.

    Without `meaning` words alone decide, which is less sure.
    """
    text = bare_claim(claim)
    evidence = weigh(text, references)
    if evidence.is_verbatim:
        return Verdict(supported=True, score=1.0, evidence=evidence.nearest)
    faults = figures.missing(text, references)
    against = contradictions(text, evidence)
    score = round(1 / (1 + math.exp(-_odds(evidence, meaning, len(faults), len(against)))), 4)
    reasons = tuple(_REASONS[kind].format(figure.literal) for figure, kind in faults) + against
    return Verdict(supported=score >= THRESHOLD, score=score, evidence=evidence.nearest, reasons=reasons)


_REASONS = {
    "number": "number {} is not in the references",
    "year": "date {} is not in the references",
    "unit": "number {} has another unit in the references",
}


def _odds(evidence: Evidence, meaning: float | None, faults: int, contradicted: int) -> float:
    """Log odds of the claim being supported."""
    against = 1.7 * min(faults, MOST_FAULTS) + 2.0 * contradicted
    if meaning is None:
        return 2.4 * evidence.in_order + 1.6 * evidence.phrases - 1.3 - against
    return 7.4 * meaning + 1.4 * evidence.phrases - 5.3 - against


# words ---------------------------------------------------------------------------------------------------------------


def weigh(claim: str, references: Sequence[str]) -> Evidence:
    """Compare the claim's words with those of the references."""
    wanted = terms(claim)
    parts = [reference[start:end] for reference in references for start, end in sentences(reference)]
    there = [terms(part) for part in parts]
    nearest, likeness = _nearest(wanted, parts, there)
    needle = bare(claim)
    return Evidence(
        in_order=_in_order(wanted, there),
        phrases=_phrases(claim, references),
        nearest=nearest,
        likeness=likeness,
        is_verbatim=len(needle) >= LEAST_VERBATIM and any(needle in bare(reference) for reference in references),
    )


def _nearest(wanted: Sequence[str], parts: Sequence[str], there: Sequence[Sequence[str]]) -> tuple[str, float]:
    """The sentence that holds most of the claim's terms, the shortest of equals, and how alike the two are."""
    need = set(wanted)
    best = max(range(len(parts)), key=lambda index: (len(need & set(there[index])), -len(parts[index])), default=None)
    if best is None or not need & set(there[best]):
        return "", 0.0
    return parts[best], len(need & set(there[best])) / len(need | set(there[best]))


def _in_order(wanted: Sequence[str], there: Sequence[Sequence[str]]) -> float:
    """Share of the claim's terms that stand in their order in two neighbouring sentences."""
    from rapidfuzz.distance import LCSseq

    if not wanted or not there:
        return 0.0
    windows = [[*first, *second] for first, second in pairwise([*there, []])]
    return max(LCSseq.similarity(wanted, window) for window in windows) / len(wanted)


def _phrases(claim: str, references: Sequence[str]) -> float:
    """Share of the claim's runs of three words that the references have too (of all its words, if it has but two)."""
    words = spelt(claim)
    size = min(3, len(words))
    if not size:
        return 0.0
    own = _runs(words, size)
    theirs = set().union(*(_runs(spelt(reference), size) for reference in references))
    return len(own & theirs) / len(own)


def _runs(words: Sequence[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[at : at + size]) for at in range(len(words) - size + 1)}


def contradictions(claim: str, evidence: Evidence) -> tuple[str, ...]:
    """Where the claim says the opposite of the nearest sentence, told only when both are about the same thing."""
    if evidence.likeness < CLOSE:
        return ()
    found = []
    here, there = bool(_NEGATION.search(claim)), bool(_NEGATION.search(evidence.nearest))
    if here and not there:
        found.append("the claim is negated, the nearest sentence is not")
    elif there and not here:
        found.append("the nearest sentence is negated, the claim is not")
    claimed, stated = _direction(claim), _direction(evidence.nearest)
    if claimed and stated and claimed != stated:
        found.append(f"the claim goes {claimed}, the nearest sentence {stated}")
    return tuple(found)


def _direction(text: str) -> str:
    up, down = bool(_UP.search(text)), bool(_DOWN.search(text))
    return "up" if up and not down else "down" if down and not up else ""
