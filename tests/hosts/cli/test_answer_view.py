"""Answers in a terminal and in a pipe, and what becomes of a run that is interrupted or fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hosts.cli.answer import AnswerView, Ending, follow, run_event, show_answer, timeline
from hosts.cli.api import Api
from hosts.cli.citations import Links
from hosts.cli.console import Console, Exit
from hosts.cli.sse import ServerEvent
from runtime.errors import InternalError, ModelUnavailableError
from runtime.resilience import Backoff
from schemas.event import Accepted, AgentUpdate, Done, ErrorEvent, Reset, TokenEvent, WarningEvent
from schemas.query import Query
from tests.hosts.cli.toy_host import QUERY_ID, ToyHost, answered
from tests.serving import serving

QUERY = Query(query="What is hot?")


@pytest.fixture
def host() -> ToyHost:
    return ToyHost()


@pytest.fixture
async def api(host: ToyHost) -> AsyncIterator[Api]:
    async with serving(host.app()) as base_url, Api.at(base_url, Backoff(3, 0.01)) as made:
        yield made


async def test_a_pipe_gets_text_sources_and_confidence(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    ending = await show_answer(api, QUERY, Console(), Links())
    assert ending.exit() == Exit.OK
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Keep hands away [0].",
        "",
        "Sources:",
        '[0] manual.pdf, page 2: "Keep hands, hair and loose clothing away"',
        "",
        "Confidence 93 % (retrieval 90 %, coverage 100 %, agreement 88 %)",
    ]
    assert err == ""


async def test_steps_are_told_when_asked_for(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    await show_answer(api, QUERY, Console(verbose=True), Links())
    assert capsys.readouterr().err.splitlines() == [
        "retrieval  Found 5 chunks  0.21 s",
        "You may also ask: How is it cleaned?",
        "Go on with: --conversation conv_1",
    ]


async def test_a_reset_throws_the_text_so_far_away(host: ToyHost, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    host.script[3:4] = [TokenEvent(content="Wrong ["), Reset(reason="fallback"), TokenEvent(content="Right [0].")]
    await show_answer(api, QUERY, Console(verbose=True), Links())
    out, err = capsys.readouterr()
    assert out.startswith("Right [0].\n")
    assert "The answer starts again: fallback" in err


async def test_a_simpler_way_is_always_told(host: ToyHost, api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    host.script.insert(2, WarningEvent(code="simplified_model", message="Generated with simplified model"))
    await show_answer(api, QUERY, Console(), Links())
    assert capsys.readouterr().err == "warning: Generated with simplified model\n"


async def test_no_answer_in_the_documents_has_its_own_exit_code(
    host: ToyHost, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    host.script = answered("The documents do not answer this.", abstained=True)
    assert (await show_answer(api, QUERY, Console(), Links())).exit() == Exit.NO_ANSWER
    assert "Sources" not in capsys.readouterr().out


async def test_an_error_of_the_run_is_raised_with_its_class(host: ToyHost, api: Api) -> None:
    problem = ModelUnavailableError("the model is away").problem()
    host.script[3:] = [ErrorEvent(problem=problem), Done(query_id=QUERY_ID, status="failed", trace_id="t")]
    ending = await follow(api, QUERY, lambda *_: None)
    with pytest.raises(ModelUnavailableError, match="the model is away"):
        ending.exit()


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_a_run_that_was_not_completed_failed(status: str) -> None:
    ending = Ending()
    assert ending.exit() == Exit.FAILED
    ending.take(Done(query_id=QUERY_ID, status=status, trace_id="t"))
    assert ending.exit() == Exit.FAILED


async def test_a_cancelled_task_cancels_the_run_at_the_host(host: ToyHost, api: Api) -> None:
    host.ends = False
    task = asyncio.create_task(follow(api, QUERY, lambda *_: None))
    async with asyncio.timeout(20):
        await host.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert host.cancelled == [QUERY_ID]


def test_a_step_tells_its_attempt_and_time() -> None:
    update = AgentUpdate(agent="synthesis", message="Generating\nanswer...", attempt=2, elapsed_ms=1500)
    assert timeline(update) == "synthesis  Generating answer...  attempt 2  1.50 s"


def test_an_event_of_another_version_is_refused() -> None:
    with pytest.raises(InternalError, match="'telepathy' that is not understood"):
        run_event(ServerEvent("telepathy", '{"event": "telepathy"}'))


def test_somebody_who_watches_sees_the_text_grow(capsys: pytest.CaptureFixture[str]) -> None:
    class Watched(Console):
        is_read_live = True

    view = AnswerView(Watched(), Links())
    raw = ServerEvent("token", "")
    view.take(raw, Accepted(query_id=QUERY_ID, conversation_id="c", trace_id="t"))
    view.take(raw, TokenEvent(content="Keep ["))
    assert capsys.readouterr().out == "Keep "
    view.take(raw, Reset(reason="fallback"))
    view.take(raw, TokenEvent(content="Stay away [0]"))
    view.finish(Ending())
    assert capsys.readouterr().out == "\nStay away [0]\n"
