"""Scores of words are the same whichever way the units came in, to the last digit that is shown."""

import math
import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.vectors.exact import Slack, cut, holding_units, inverse_frequency, total
from runtime.vectors.shard import Shard
from runtime.vectors.wire import Entry, Sought

WORDS = 60


def entries(kind: str, units: int) -> list[Entry]:
    """Units of common and rare words; some are the same but for their ids."""
    dice = random.Random(5)
    found = []
    for number in range(units):
        drawn = [int(WORDS * dice.random() ** 2) + 1 for _ in range(dice.randint(5, 40))]
        counts = {word * 7919: drawn.count(word) for word in drawn}
        document = f"d{number}"
        id_ = uuid.UUID(int=dice.getrandbits(128))
        found += [Entry(id_, kind, document, "v", 1, counts, "{}", None, None, None)]
    return found


def filled(folder, units: list[Entry]) -> Shard:
    Shard.create(folder, 4)
    shard = Shard.open(folder, 4)
    for start in range(0, len(units), 50):
        list(shard.upsert(units[start : start + 50]))
    list(shard.seal([("d0", "v")]))
    return shard


def asked(using: str, seed: int, exclude: list[str] = []) -> Sought:  # noqa: B006
    dice = random.Random(seed)
    weights = {dice.randint(1, WORDS + 5) * 7919: float(dice.randint(1, 3)) for _ in range(12)}
    return Sought(using, 60, None, weights, [], [], None, None, exclude)


@pytest.mark.parametrize(("kind", "using"), [("chunk", "chunk_terms"), ("page", "page_terms")])
def test_lists_do_not_tell_in_which_order_the_units_came(tmp_path, kind, using):
    units = entries(kind, 400)
    other = random.Random(9).sample(units, len(units))
    shards = [filled(tmp_path / "one", units), filled(tmp_path / "two", other)]
    probes = [asked(using, seed) for seed in range(40)]
    first, second = ([[(score, card.id) for score, card in found] for found in s.search(probes)] for s in shards)
    assert first == second
    assert all(len(found) == 60 for found in first)
    for shard in shards:
        shard.close()


def test_what_is_written_later_counts(tmp_path):
    units = entries("chunk", 200)
    grown, whole = filled(tmp_path / "one", units[:100]), filled(tmp_path / "two", units)
    probes = [asked("chunk_terms", seed) for seed in range(20)]
    before = grown.search(probes)
    list(grown.upsert(units[100:]))
    list(grown.seal([]))
    assert grown.search(probes) == whole.search(probes) != before
    for shard in (grown, whole):
        shard.close()


@given(st.integers(1, 100_000), st.data())
def test_a_weight_tells_how_many_units_have_a_term(units, data):
    holding = data.draw(st.integers(0, units))
    assert holding_units(units, inverse_frequency(units, holding)) == holding
    assert holding_units(units, math.inf) == 0


@given(st.floats(0.01, 100), st.floats(-1, 1))
def test_a_certain_score_is_the_exact_one_cut(exact, error):
    slack = Slack.of({1: 1.0, 2: 2.0})
    told = exact + error * 0.9 * (slack.share * exact + slack.base)
    assert slack.certain(told) in (None, cut(exact))
    assert slack.highest(told) >= cut(exact)


def test_a_total_is_the_same_in_every_order():
    stored = {term: 1 / (term + 3) for term in range(50)}
    weights = {term: 1.0 + term / 7 for term in range(60)}
    inverse = {term: 0.1 * term for term in range(60)}
    backwards = dict(reversed(weights.items()))
    assert total(weights, stored, inverse) == total(backwards, stored, inverse) > 0
