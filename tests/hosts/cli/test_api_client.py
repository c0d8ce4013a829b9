"""The client of the HTTP API, against a host on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hosts.cli.api import Api
from runtime.errors import (
    AgentUnavailableError,
    InternalError,
    InvalidInputError,
    NotFoundError,
    QuotaError,
    UnsupportedMediaError,
)
from runtime.resilience import Backoff
from schemas.event import Done, ErrorEvent
from schemas.query import Query
from schemas.skills import BatchText
from tests.hosts.cli.toy_host import QUERY_ID, ToyHost, answered, document
from tests.serving import serving

BRIEF = Backoff(attempts=3, first_seconds=0.01)


@pytest.fixture
def host() -> ToyHost:
    return ToyHost()


@pytest.fixture
async def api(host: ToyHost) -> AsyncIterator[Api]:
    async with serving(host.app()) as base_url, Api.at(base_url, BRIEF) as made:
        yield made


async def test_an_upload_arrives_whole_and_counts_its_bytes(host: ToyHost, api: Api, tmp_path: Path) -> None:
    content = bytes(range(256)) * 1000
    (tmp_path / "Grüße.txt").write_bytes(content)
    sizes: list[int] = []
    sent, is_new = await api.upload(tmp_path / "Grüße.txt", sizes.append)
    assert host.received == {"Grüße.txt": content}
    assert (sent.filename, is_new) == ("Grüße.txt", True)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == len(content)


async def test_the_same_bytes_again_are_known(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("same")
    first, _ = await api.upload(tmp_path / "a.txt")
    again, is_new = await api.upload(tmp_path / "a.txt")
    assert (again.doc_id, is_new) == (first.doc_id, False)


async def test_a_problem_becomes_the_error_that_it_names(api: Api, tmp_path: Path) -> None:
    (tmp_path / "a.xyz").write_text("x")
    with pytest.raises(UnsupportedMediaError, match=r"'\.xyz' cannot be read"):
        await api.upload(tmp_path / "a.xyz")
    with pytest.raises(NotFoundError, match="doc_9"):
        await api.document("doc_9")


async def test_an_answer_that_is_no_problem_is_quoted(api: Api) -> None:
    with pytest.raises(InternalError, match="gave 502: gone fishing"):
        await api._send("GET", "/plain")


async def test_a_file_that_cannot_be_read_is_named(api: Api, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"gone\.txt cannot be read: No such file"):
        await api.upload(tmp_path / "gone.txt")


@pytest.mark.filterwarnings("ignore:Pydantic serializer")
async def test_a_message_of_another_version_is_refused(host: ToyHost, api: Api) -> None:
    host.documents["doc_1"] = document("doc_1", "a.txt").model_copy(update={"pages": "many"})
    with pytest.raises(InternalError, match="use one version"):
        await api.document("doc_1")


async def test_all_pages_of_the_list_are_read(host: ToyHost, api: Api) -> None:
    host.documents = {f"doc_{n}": document(f"doc_{n}", f"{n}.txt") for n in range(5)}
    host.documents["doc_3"] = document("doc_3", "3.txt", status="failed")
    assert [one.doc_id async for one in api.documents()] == [f"doc_{n}" for n in range(5)]
    assert [one.doc_id async for one in api.documents("failed")] == ["doc_3"]


async def test_a_document_is_removed_and_can_be_done_again_or_stopped(host: ToyHost, api: Api) -> None:
    host.documents = {"doc_1": document("doc_1", "a.txt")}
    assert (await api.reprocess("doc_1")).doc_id == "doc_1"
    assert (await api.cancel_document("doc_1")).doc_id == "doc_1"
    assert (await api.delete("doc_1")).chunks == 31
    assert host.documents == {}


async def test_watching_ends_with_the_document(host: ToyHost, api: Api) -> None:
    host.documents = {"doc_1": document("doc_1", "a.txt")}
    seen = [event async for event in api.watch("doc_1")]
    assert [event.document.status for event in seen] == ["processing", "completed"]
    assert seen[0].eta_s == 31.0


async def test_a_broken_watch_is_taken_up_again(host: ToyHost, api: Api) -> None:
    host.documents, host.breaks = {"doc_1": document("doc_1", "a.txt")}, 2
    seen = [event.document.status async for event in api.watch("doc_1")]
    assert seen == ["processing", "processing", "processing", "completed"]


async def test_a_run_is_read_to_its_end(host: ToyHost, api: Api) -> None:
    seen = [event.event async for event in api.ask(Query(query="What is hot?"))]
    assert seen == [event.event for event in host.script]
    assert host.queries[0]["query"] == "What is hot?"


async def test_a_broken_run_is_taken_up_after_its_last_event(host: ToyHost, api: Api) -> None:
    host.breaks = 3
    seen = [event.id async for event in api.ask(Query(query="What is hot?"))]
    assert seen == [str(number) for number in range(1, len(host.script) + 1)]
    assert host.resumed_after == ["2", "4", "6"]
    assert len(host.queries) == 1


async def test_a_run_that_ends_with_an_error_still_ends(host: ToyHost, api: Api) -> None:
    problem = NotFoundError("nothing there").problem()
    host.script = [answered()[0], ErrorEvent(problem=problem), Done(query_id=QUERY_ID, status="failed", trace_id="t")]
    assert [event.event async for event in api.ask(Query(query="?"))] == ["accepted", "error", "done"]


async def test_a_run_that_goes_on_without_an_end_is_given_up(host: ToyHost, api: Api) -> None:
    host.script = answered()[:2]
    with pytest.raises(AgentUnavailableError, match="ends its events too early"):
        [event async for event in api.ask(Query(query="?"))]
    assert host.resumed_after == ["2", "2"]


async def test_a_document_that_never_moves_is_given_up(host: ToyHost, api: Api) -> None:
    host.documents = {"doc_1": document("doc_1", "a.txt", status="processing", stage="extracting")}
    with pytest.raises(AgentUnavailableError, match="ends its events too early"):
        async with asyncio.timeout(20):
            [event async for event in api.watch("doc_1")]


async def test_a_run_is_read_and_cancelled_by_its_id(host: ToyHost, api: Api) -> None:
    assert (await api.run(QUERY_ID)).answer == "Keep hands away [0]."
    await api.cancel_run(QUERY_ID)
    assert host.cancelled == [QUERY_ID]


async def test_a_host_that_is_gone_is_named_with_the_remedy() -> None:
    async with serving(ToyHost().app()) as base_url:
        pass
    async with Api.at(base_url) as api:
        with pytest.raises(AgentUnavailableError, match="agentrag up"):
            await api.document("doc_1")
        with pytest.raises(AgentUnavailableError, match=base_url):
            [event async for event in api.ask(Query(query="?"))]


async def test_a_batch_is_told_line_by_line_and_its_faults_are_those_of_the_host(host: ToyHost, api: Api) -> None:
    texts = [BatchText(id=f"{number}", text=f"Text {number}.") for number in range(3)]
    outcomes = [outcome async for outcome in api.ingest_batch(texts)]
    assert [(one.line, one.id, one.status) for one in outcomes] == [(n + 1, f"{n}", "completed") for n in range(3)]
    host.refusal = QuotaError("1000 of 1000 documents; delete some")
    with pytest.raises(QuotaError, match="delete some"):
        [outcome async for outcome in api.ingest_batch(texts)]
    host.refusal, host.breaks = None, 1
    with pytest.raises(AgentUnavailableError, match="does not answer"):
        [outcome async for outcome in api.ingest_batch(texts)]
