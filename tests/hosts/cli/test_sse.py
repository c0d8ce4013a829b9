"""Server-Sent Events are understood however the network cuts them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosts.cli.sse import Parser, ServerEvent

STREAM = (
    '\ufeff: ping\r\n\r\nretry: 2000\nid: 7.1\nevent: token\ndata: {"content": "Grüße \u2028 €"}\n\n'
    "data: first\rdata:second\r\rid: 7.2\r\n\r\ndata\n\nevent: done\nid: a\0b\ndata: x: y\n\ndata: cut off"
).encode()
EVENTS = [
    ServerEvent("token", '{"content": "Grüße \u2028 €"}', "7.1"),
    ServerEvent("message", "first\nsecond", "7.1"),
    ServerEvent("message", "", "7.2"),
    ServerEvent("done", "x: y", "7.2"),
]


def test_a_stream_gives_its_events_in_order() -> None:
    assert Parser().feed(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_cuts_anywhere_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    parser = Parser()
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(places)]
    assert [event for piece in pieces for event in parser.feed(piece)] == EVENTS


def test_every_byte_alone_gives_the_same_events() -> None:
    parser = Parser()
    assert [event for byte in STREAM for event in parser.feed(bytes([byte]))] == EVENTS


@pytest.mark.parametrize("text", [": only a comment\n\n", "event: token\n\n", "id: 4\n\n", "data: no blank line\n"])
def test_no_event_without_data_and_a_blank_line(text: str) -> None:
    assert Parser().feed(text.encode()) == []


def test_the_last_id_stays_until_another_comes() -> None:
    parser = Parser()
    parser.feed(b"id: 3\ndata: a\n\ndata: b\n\n")
    assert parser.last_id == "3"
