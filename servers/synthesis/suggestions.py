"""Suggest what to ask next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

import prompts
from schemas.answer import FollowUps
from schemas.skills import SuggestFollowUps

if TYPE_CHECKING:
    from runtime.models.contract import Answerer

log = structlog.get_logger()

PROMPT = "phr-004-follow-ups"


async def suggest(ask: SuggestFollowUps, answerer: Answerer) -> FollowUps:
    """At most three questions that the given chunks can answer; none without chunks."""
    if not ask.chunks:
        return FollowUps(questions=())
    found = await answerer.follow_ups(ask, prompts.load(PROMPT))
    log.info("follow_ups.completed", model=answerer.name, chunks=len(ask.chunks), questions=len(found.questions))
    return found
