"""A batch is checked as a whole before anything of it is ingested, and goes out in groups that one call takes."""

import asyncio
import json

import pytest

from hosts.orchestrator.batch import GROUP_BYTES, Batch, ingested
from runtime.caller import Caller
from runtime.errors import AgentUnavailableError, InvalidInputError, MalformedRequestError
from schemas.skills import BATCH_TEXTS, BatchIngested, BatchOutcome, Progress


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


class Ingestion:
    """An ingestion agent that is away for the groups it is told of, and slower the earlier a group comes."""

    def __init__(self, away: set[int]) -> None:
        self.away = away
        self.begun = self.at_work = self.most = 0

    async def stream(self, spec, ask, caller):
        number, self.begun = self.begun, self.begun + 1
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        try:
            for _ in range(5 - number):
                await asyncio.sleep(0)
            if number in self.away:
                raise AgentUnavailableError("ingestion is away; send it again")
            yield Progress(message="completed", done=1)
            told = enumerate(ask.texts, 1)
            yield BatchIngested(
                outcomes=tuple(BatchOutcome(line=line, doc_id=text.text, status="completed") for line, text in told)
            )
        finally:
            self.at_work -= 1


class Host:
    """As much of a host as a batch needs."""

    def __init__(self, away: set[int]) -> None:
        self.client = Ingestion(away)


async def test_outcomes_come_in_the_order_of_the_lines_and_two_groups_are_at_work():
    host = Host(away={1})
    with Batch.spooled() as batch:
        await batch.fill(pieces(body(*({"id": f"{n}", "text": f"text {n}"} for n in range(3 * BATCH_TEXTS + 1)))))
        outcomes = [outcome async for outcome in ingested(host, Caller.owner(), batch)]
    assert [outcome.line for outcome in outcomes] == list(range(1, 3 * BATCH_TEXTS + 2))
    lost = {outcome.line for outcome in outcomes if outcome.status == "failed"}
    assert lost == set(range(BATCH_TEXTS + 1, 2 * BATCH_TEXTS + 1))
    assert {outcome.error.code for outcome in outcomes if outcome.error} == {"agent.unavailable"}
    assert outcomes[-1].doc_id == f"text {3 * BATCH_TEXTS}"
    assert (host.client.begun, host.client.most) == (4, 2)


async def test_a_reader_who_leaves_stops_what_is_under_way():
    host = Host(away=set())
    with Batch.spooled() as batch:
        await batch.fill(pieces(body(*({"text": f"text {n}"} for n in range(5 * BATCH_TEXTS)))))
        outcomes = ingested(host, Caller.owner(), batch)
        await anext(outcomes)
        await outcomes.aclose()
    assert host.client.begun <= 3
    assert host.client.at_work == 0
