"""Grounding counts the sentences that name a given chunk."""

from __future__ import annotations

import pytest

from runtime.models.sufficiency import NOTHING, PARTIAL
from servers.synthesis.grounding import Grounding, ground


@pytest.mark.parametrize(
    ("text", "chunks", "found"),
    [
        ("It opens at 4 bar [0]. It closes at 3 bar [1].", 2, Grounding(2, 2, ())),
        ("It opens at 4 bar [0]. It closes at 3 bar.", 2, Grounding(2, 1, ())),
        ("It opens at 4 bar [0][7]. It closes at 3 bar [7].", 2, Grounding(2, 1, (7,))),
        ("It opens at 4 bar.", 2, Grounding(1, 0, ())),
        (f"{PARTIAL} It opens at 4 bar [0]. The passages found do not mention 3 bar.", 1, Grounding(1, 1, ())),
        (NOTHING, 3, Grounding(0, 0, ())),
        ("", 3, Grounding(0, 0, ())),
    ],
)
def test_statements_need_a_marker_and_words_of_lack_do_not(text: str, chunks: int, found: Grounding) -> None:
    assert ground(text, chunks) == found


def test_the_rate_is_a_share_and_none_where_nothing_is_stated() -> None:
    assert ground("It opens at 4 bar [0]. It closes.", 1).rate == 0.5
    assert ground("It opens at 4 bar [0].", 1).rate == 1.0
    assert ground(NOTHING, 1).rate is None
