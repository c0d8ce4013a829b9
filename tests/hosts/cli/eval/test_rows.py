"""Rows come in the order of their lines, a few at a time; refusals are told, anything else ends the run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from hosts.cli.console import Console
from hosts.cli.eval.lines import Line
from hosts.cli.eval.meter import meter
from hosts.cli.eval.rows import AT_ONCE, rows
from hosts.cli.eval.run_file import Row
from runtime.errors import AgentUnavailableError, InvalidInputError


@dataclass(frozen=True)
class One:
    line: Line


ASKED = [One(Line(Path("q.jsonl"), number, {})) for number in range(1, 13)]


def empty(one: One) -> Row:
    return {"empty": one.line.number}


async def test_rows_keep_the_order_of_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    at_work = most = 0

    async def answered(one: One) -> Row:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(20 - one.line.number):
            await asyncio.sleep(0)
        at_work -= 1
        if one.line.number == 3:
            raise InvalidInputError("the question has 501 characters")
        return {"n": one.line.number}

    made = await rows(Console(), "questions", ASKED, answered, empty)
    assert made == [{"empty": 3} if number == 3 else {"n": number} for number in range(1, 13)]
    assert most == AT_ONCE
    assert "warning: line 3 has no result: the question has 501 characters\n" in capsys.readouterr().err


async def test_an_agent_that_is_away_ends_the_run() -> None:
    begun = []

    async def answered(one: One) -> Row:
        begun.append(one.line.number)
        if one.line.number == 2:
            raise AgentUnavailableError("retrieval is away")
        await asyncio.sleep(3600)
        return {}

    with pytest.raises(AgentUnavailableError):
        await rows(Console(), "questions", ASKED, answered, empty)
    assert max(begun) <= AT_ONCE + 1


def test_a_log_gets_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with meter(Console(), "texts", 40) as advance:
        for _ in range(40):
            advance(1)
    told = capsys.readouterr().err.splitlines()
    assert (told[0], told[-1], len(told)) == ("texts: 4 of 40", "texts: 40 of 40", 10)


def test_somebody_who_watches_sees_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    class Watched(Console):
        shows_progress = True  # type: ignore[assignment]

    with meter(Watched(), "texts", 3) as advance:
        advance(3)
    assert "texts: " not in capsys.readouterr().err
