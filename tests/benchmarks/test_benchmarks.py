"""The benchmarks run: a few calls each, for the answers and the counts alone, never for the times."""

from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import run
from tests.benchmarks.corpus import QUICK_PAGES, Corpus
from tests.benchmarks.measure import Clock, Figures, Turn, machine, table
from tests.benchmarks.plan import Plan
from tests.benchmarks.report import Bar, Report, summary

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    folder = tmp_path_factory.mktemp("benchmarks")
    return Plan(Corpus.made(folder / "corpus", QUICK_PAGES), folder, rounds=1, is_quick=True)


def measured(report: Report) -> dict[str, float]:
    return {bar.what: bar.measured for bar in report.bars}


def test_text_is_read_and_cut_as_ingestion_does(plan: Plan) -> None:
    extract, chunk = run("extract", plan), run("chunk", plan)
    assert {row["case"]: row["chars"] > 5000 for row in extract.rows} == {"ours": True, "pypdf": True}
    assert chunk.rows[0]["chunks"] > 10


def test_small_weights_give_nearly_the_same_vectors(plan: Plan) -> None:
    cosines = measured(run("embed", plan))
    assert cosines["cosine of int8 to fp32, mean"] >= 0.99
    assert cosines["cosine of int8 to fp32, least"] >= 0.98


def test_searches_find_what_a_search_through_everything_finds(plan: Plan) -> None:
    assert measured(run("search", plan))["recall@10 with a filter"] == 1
    assert measured(run("keyword", plan))["questions with the same ten chunks as rank-bm25"] >= 0.8


def test_an_ingestion_makes_the_chunks_of_its_bare_stages(plan: Plan) -> None:
    whole, bare, openai = (row["chunks"] for row in run("ingest", plan).rows)
    assert whole == bare > 10
    assert 0 < openai < whole


def test_every_question_finds_as_many_chunks_as_it_asks_for(plan: Plan) -> None:
    (row,) = run("query", plan).rows
    assert row["found"] == 3 * 5


def test_each_way_to_use_the_cores_is_measured(plan: Plan) -> None:
    rows = run("executors", plan).rows
    assert [row["case"] for row in rows][:3] == ["inline", "threads", "processes"]
    assert {row["passages"] for row in rows} == {8}


def test_a_federated_call_is_measured_beside_a_direct_one_and_costs_one_request(plan: Plan) -> None:
    report = run("federation", plan)
    assert measured(report)["requests at the agents for a federated call"] == 1
    assert "client, federated" in report.shown()


def test_searches_are_measured_under_load_without_errors(plan: Plan) -> None:
    report = run("calls", plan)
    assert measured(report)["calls that failed"] == 0
    assert len(report.rows) == 4


def test_a_killed_store_has_lost_nothing_and_a_second_owner_is_refused(plan: Plan) -> None:
    report = run("crash", plan)
    assert all(bar.is_met for bar in report.bars)
    assert report.rows[-1]["acknowledged"] > 0


def test_a_large_index_finds_what_is_nearest(plan: Plan) -> None:
    found = measured(run("load", plan))
    assert found["calls that failed"] == 0
    assert all(share == 1 for what, share in found.items() if what.startswith("recall"))


def test_a_lone_agent_is_watched_at_work(plan: Plan) -> None:
    report = run("memory", plan)
    assert all(row["peak MB"] > 50 and row["least told"] >= 2 and row["chunks"] for row in report.rows)


def test_every_process_that_serves_tells_its_worst_gap(plan: Plan) -> None:
    served = {row["process"]: row["worst gap s"] for row in run("gaps", plan).rows}
    assert set(served) == {"retrieval", "ingestion", "synthesis", "citation", "monitoring", "host", "up"}
    assert all(gap > 0 for gap in served.values())


def test_ratios_compare_within_a_turn() -> None:
    slow = Figures([Turn([0.1], 1, {"a": 1.0}), Turn([9.0], 9, {"a": 9.0}), Turn([0.2], 1, {"a": 2.0})])
    fast = Figures([Turn([0.05], 1, {"a": 0.5}), Turn([4.5], 9, {"a": 4.5}), Turn([0.1], 1, {"a": 1.0})])
    assert slow.ratio(fast, lambda turn: turn.median_ms) == pytest.approx(2)
    assert slow.ratio(fast, Turn.cpu_ms) == pytest.approx(2)
    assert slow.whole().cpu_ms(["a"]) == pytest.approx(4000)


async def test_a_call_that_fails_is_counted_and_the_load_goes_on() -> None:
    outcomes = iter([True, False, True])

    async def act() -> None:
        if not next(outcomes):
            raise ValueError("no")

    turn = await Turn().run([act], Clock({}), 3)
    assert (len(turn.seconds), turn.errors) == (2, ["ValueError: no"])


def test_figures_are_shown_with_their_machine_in_a_table() -> None:
    assert "cores" in machine()
    assert table([{"call": "a", "ms": 1.0}, {"call": "long", "ms": 12.345}]).splitlines() == [
        "| call | ms    |",
        "| ---- | ----- |",
        "| a    | 1.00  |",
        "| long | 12.35 |",
    ]


def test_promises_are_kept_or_not_and_figures_alone_are_neither() -> None:
    bars = [Bar("speed", 3.0, "at least", 4), Bar("memory", 3.0, "at most", 4), Bar("ratio", 3.0)]
    shown = summary([Report("suite", "about", [], bars)]).splitlines()
    assert [line.split("|")[5].strip() for line in shown[2:]] == ["NO", "yes", ""]
    assert summary([]) == "no promises were measured"
