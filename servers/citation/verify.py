"""Judge a claim against references: the pure rule of `support`, with meaning from the embedder."""

from __future__ import annotations

from runtime.call import Call
from runtime.errors import InvalidInputError
from schemas.citation import Verdict
from schemas.skills import Verify
from servers.citation import support
from servers.citation.meaning import meanings
from servers.citation.settings import CitationSettings
from servers.citation.words import terms

MOST_PASSAGES = 64
"""Passages whose meaning is compared; of more, those that share most terms with the claim."""


async def verify(ask: Verify, call: Call) -> Verdict:
    """Whether the references support the claim. Raises InvalidInputError for more text than is looked at."""
    size, limit = sum(map(len, ask.references)), call.knobs(CitationSettings).max_claim_reference_chars
    if size > limit:
        raise InvalidInputError(
            f"the references have {size} characters, the limit is {limit}; "
            "send fewer or shorter ones, or raise max_claim_reference_chars"
        )
    claim = support.bare_claim(ask.claim)
    texts = await call.on.compute.run(_nearest_texts, claim, ask.references)
    (meaning,) = await meanings(call.on.embedder, [(claim, texts)])
    return await call.on.compute.run(support.judge, ask.claim, ask.references, meaning)


def _nearest_texts(claim: str, references: tuple[str, ...]) -> list[str]:
    texts = list(dict.fromkeys(passage.text for passage in support.passages(references)))
    if len(texts) <= MOST_PASSAGES:
        return texts
    wanted = set(terms(claim))
    order = sorted(range(len(texts)), key=lambda index: (-len(wanted & set(terms(texts[index]))), index))
    return [texts[index] for index in sorted(order[:MOST_PASSAGES])]
