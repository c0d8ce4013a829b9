"""The synthesis agent: answers and follow-ups through the call, the tool and the stream between agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import structlog
from fastmcp import Client
from pydantic import SecretStr

from runtime.auth import Keyring
from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.client import FederationClient
from runtime.errors import ModelUnavailableError
from runtime.models import sufficiency
from schemas.answer import Answer
from schemas.chunk import Chunk
from schemas.skills import ANSWER, Progress, SuggestFollowUps, Synthesize, Token
from servers.synthesis.server import answer, create_agent, create_server, follow_ups
from servers.synthesis.settings import SynthesisSettings
from servers.synthesis.warmth import warming
from tests.chatting import BOUND, Endpoint, Reply, chatting
from tests.serving import serving


def passage(number: int, content: str) -> Chunk:
    return Chunk(
        chunk_id=f"c{number}",
        doc_id="doc_1",
        doc="pump.pdf",
        version_id="v",
        page=number + 1,
        ordinal=number,
        start=0,
        end=len(content),
        content=content,
        language="en",
    )


PUMP = (
    passage(0, "Maintenance\nThe filter of the pump is rinsed under clear water once a week. Dry it before use."),
    passage(1, "Pressure\nThe safety valve opens at a pressure of 4 bar. It closes again at 3 bar."),
)
ASK = Synthesize(question="At which pressure does the safety valve open?", chunks=PUMP)
SUGGEST = SuggestFollowUps(question=ASK.question, answer="The safety valve opens at 4 bar [1].", chunks=PUMP)


def settings(folder: Path, endpoint: Endpoint | None = None) -> SynthesisSettings:
    if endpoint is None:
        return SynthesisSettings(data=folder)
    return SynthesisSettings(
        data=folder,
        answers_url=f"openai:{endpoint.url}",
        answers_model="small",
        OPENAI_API_KEY=SecretStr("key"),  # type: ignore[call-arg]
    )


class Heard:
    """Keeps what a skill emits."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def __call__(self, item: Token | Progress) -> None:
        assert isinstance(item, Token)
        self.tokens.append(item.content)


async def opened(settings: SynthesisSettings) -> Backends:
    backends = Backends(settings)
    await backends.open(["answerer"])
    return backends


@pytest.fixture
async def offline(tmp_path: Path) -> AsyncIterator[Backends]:
    backends = await opened(settings(tmp_path))
    yield backends
    await backends.close()


def call(backends: Backends, heard: Heard | None = None) -> Call:
    return Call(Caller.owner(), backends, heard or Heard())


async def test_an_answer_is_streamed_and_returned_whole(offline: Backends) -> None:
    heard = Heard()
    found = await answer(ASK, call(offline, heard))
    assert len(heard.tokens) > 1
    assert "".join(heard.tokens) == found.text
    assert found.text.startswith("The safety valve opens at a pressure of 4 bar [1].")
    assert (found.kind, found.prompt, found.abstained) == ("extractive", "phr-002-synthesis@1", False)


async def test_what_was_done_is_logged_in_numbers_without_words(offline: Backends) -> None:
    with structlog.testing.capture_logs() as logs:
        await answer(ASK, call(offline))
    line = next(entry for entry in logs if entry["event"] == "answer.completed")
    assert line["grounding_rate"] == 1.0
    assert (line["chunks"], line["question_chars"]) == (2, len(ASK.question))
    assert "valve" not in str(logs)


async def test_without_chunks_no_model_is_asked(tmp_path: Path) -> None:
    ask = Synthesize(question="At which pressure?", chunks=())
    async with chatting() as endpoint:
        backends = await opened(settings(tmp_path, endpoint))
        heard = Heard()
        found = await answer(ask, call(backends, heard))
        nothing = await follow_ups(SuggestFollowUps(question="At?", answer="", chunks=()), call(backends))
        await backends.close()
    assert endpoint.bodies == []
    assert (found.abstained, found.text, found.kind) == (True, sufficiency.NOTHING, "generated")
    assert heard.tokens == [found.text]
    assert nothing.questions == ()


async def test_a_written_answer_keeps_markers_of_no_chunk_and_the_log_counts_them(tmp_path: Path) -> None:
    async with chatting(Reply(["It opens at 4 bar [1]. ", "It is red [9]. It hums."])) as endpoint:
        backends = await opened(settings(tmp_path, endpoint))
        with structlog.testing.capture_logs() as logs:
            found = await answer(ASK, call(backends))
        await backends.close()
    assert found.text == "It opens at 4 bar [1]. It is red [9]. It hums."
    assert found.usage.output_tokens == 7
    line = next(entry for entry in logs if entry["event"] == "answer.completed")
    assert (line["unknown_markers"], line["grounding_rate"]) == (1, 0.333)


async def test_a_caller_who_goes_away_stops_the_model(tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def hear(_: Token | Progress) -> None:
        begun.set()

    async with chatting(Reply(["It opens"], hangs=True)) as endpoint:
        backends = await opened(settings(tmp_path, endpoint))
        work = asyncio.create_task(answer(ASK, Call(Caller.owner(), backends, hear)))
        await asyncio.wait_for(begun.wait(), BOUND)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await asyncio.wait_for(endpoint.hung_up.wait(), BOUND)
        await backends.close()


async def test_a_model_that_refuses_is_told_to_the_caller(tmp_path: Path) -> None:
    async with chatting(Reply(status=401)) as endpoint:
        backends = await opened(settings(tmp_path, endpoint))
        with pytest.raises(ModelUnavailableError, match="OPENAI_API_KEY"):
            await answer(ASK, call(backends))
        await backends.close()


async def test_follow_ups_are_about_what_the_answer_left_out(offline: Backends) -> None:
    found = await follow_ups(SUGGEST, call(offline))
    assert found.questions
    assert any("Maintenance" in question for question in found.questions)
    assert found == await follow_ups(SUGGEST, call(offline))


# warming -------------------------------------------------------------------------------------------------------------


async def test_the_answerer_is_loaded_in_the_background(offline: Backends) -> None:
    with structlog.testing.capture_logs() as logs:
        async with warming(offline), asyncio.timeout(BOUND):
            while not logs:
                await asyncio.sleep(0.01)
    assert logs == [{"event": "answerer.warm", "model": "extractive-minilm", "log_level": "info"}]


async def test_an_answerer_that_cannot_load_leaves_the_agent_alive(tmp_path: Path) -> None:
    backends = await opened(settings(tmp_path))
    await backends.answerer.close()
    with structlog.testing.capture_logs() as logs:
        async with warming(backends), asyncio.timeout(BOUND):
            while not logs:
                await asyncio.sleep(0.01)
    assert (logs[0]["event"], logs[0]["code"]) == ("answerer.cold", "model.unavailable")
    await backends.close()


async def test_leaving_stops_the_loading(offline: Backends) -> None:
    async with warming(offline):
        pass
    assert not [task for task in asyncio.all_tasks() if "_warm" in repr(task.get_coro())]


# the doors -----------------------------------------------------------------------------------------------------------


async def test_both_skills_and_both_prompts_are_served_over_mcp(tmp_path: Path) -> None:
    async with Client(create_server(settings(tmp_path))) as client:
        tools = {tool.name: tool.description for tool in await client.list_tools()}
        prompts = {prompt.name for prompt in await client.list_prompts()}
        found = await client.call_tool("answer", ASK.model_dump(mode="json"))
    assert set(tools) == {"answer", "follow_ups"}
    assert "Answer a question from the given chunks alone" in (tools["answer"] or "")
    assert prompts == {"phr-002-synthesis", "phr-004-follow-ups"}
    assert found.structured_content is not None
    assert "[1]." in found.structured_content["text"]


async def test_tokens_travel_between_agents_and_add_up_to_the_answer(tmp_path: Path) -> None:
    known = settings(tmp_path)
    agent = create_agent(known)
    async with serving(agent.app()) as url:
        client = FederationClient(lambda _: url, Keyring.of(known))
        async with aclosing(client.stream(ANSWER, ASK, Caller.owner())) as stream:
            items = [item async for item in stream]
        await client.close()
    assert isinstance(items[-1], Answer)
    assert "".join(item.content for item in items[:-1] if isinstance(item, Token)) == items[-1].text
