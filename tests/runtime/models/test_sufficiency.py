"""An answer that says that the documents do not suffice is recognised."""

from __future__ import annotations

import pytest

from runtime.models import sufficiency


@pytest.mark.parametrize(
    ("text", "abstains"),
    [
        (sufficiency.NOTHING, True),
        (f"{sufficiency.NOTHING} {sufficiency.unmentioned(['Globex'])}", True),
        (f"{sufficiency.PARTIAL} The price is missing.", True),
        ("The provided context does not contain the price.", True),
        ("I cannot determine the price.", True),
        ("Nothing in the chunks names a price.", True),
        ("The documents do not give a price [0].", False),
        ("The price is 4 euros.", False),
        ("Do not open the valve.", False),
    ],
)
def test_only_words_of_lack_without_a_marker_abstain(text: str, abstains: bool) -> None:
    assert sufficiency.is_abstention(text) is abstains


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], ""),
        (["Globex"], "The passages found do not mention Globex."),
        (["288", "388", "488"], "The passages found do not mention 288, 388 or 488."),
    ],
)
def test_what_is_missing_is_named(names: list[str], sentence: str) -> None:
    assert sufficiency.unmentioned(names) == sentence
