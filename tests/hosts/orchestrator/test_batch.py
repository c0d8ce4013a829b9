"""A batch is checked as a whole before anything of it is ingested, and goes out in groups that one call takes."""

import json

import pytest

from hosts.orchestrator.batch import GROUP_BYTES, Batch
from runtime.errors import InvalidInputError, MalformedRequestError
from schemas.skills import BATCH_TEXTS


async def pieces(body: bytes, size: int = 1000):
    for start in range(0, len(body), size):
        yield body[start : start + size]


def body(*texts: dict) -> bytes:
    return "".join(json.dumps(text) + "\n" for text in texts).encode()


async def test_groups_hold_as_many_texts_as_a_call_takes():
    with Batch.spooled() as batch:
        await batch.fill(pieces(b"\n" + body(*({"text": f"text {n}"} for n in range(BATCH_TEXTS + 5)))))
        first, rest = batch.groups()
    assert [len(first), len(rest)] == [BATCH_TEXTS, 5]
    assert [first[0][0], rest[-1][0]] == [2, BATCH_TEXTS + 6]
    assert rest[-1][1].text == f"text {BATCH_TEXTS + 4}"


async def test_groups_of_long_texts_hold_fewer():
    with Batch.spooled() as batch:
        await batch.fill(pieces(body(*({"text": "x" * (GROUP_BYTES // 2)} for _ in range(5))), 1 << 16))
        assert [len(group) for group in batch.groups()] == [2, 2, 1]


@pytest.mark.parametrize(
    ("sent", "kind", "words"),
    [
        (b"", InvalidInputError, "the batch has no lines"),
        (b" \n\n", InvalidInputError, "the batch has no lines"),
        (b'{"text": "x"}\n{"text": ', MalformedRequestError, "line 2 is not JSON"),
        (b'{"text": "x"}\n{"id": "a"}', InvalidInputError, "line 2 .*/text: Field required"),
        (b'{"text": "x", "txet": "y"}', InvalidInputError, "line 1 .*/txet: Extra"),
        (b'{"text": "\xff"}', MalformedRequestError, "line 1 is not JSON"),
    ],
)
async def test_a_fault_is_told_with_its_line(sent, kind, words):
    with Batch.spooled() as batch:
        with pytest.raises(InvalidInputError, match=words) as told:
            await batch.fill(pieces(sent))
        assert type(told.value) is kind
