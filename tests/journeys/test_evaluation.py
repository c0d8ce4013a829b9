"""Evaluations as people run them, on small corpora, through a federation in a folder of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hosts.cli.console import Exit
from hosts.cli.eval.answer import answer
from hosts.cli.eval.bench import settings_on
from hosts.cli.eval.grounding import grounding
from hosts.cli.eval.retrieval import retrieval
from runtime.errors import ConflictError, InvalidInputError

pytestmark = pytest.mark.slow

EVALUATION = Path(os.environ.get("AGENTRAG_EVAL_DIR", Path(__file__).parents[3] / "shared" / "eval"))

TEXTS = [
    {"_id": "tide", "title": "The tide", "text": "The tide at the northern pier rises four metres at full moon."},
    {"_id": "mill", "title": "The mill", "text": "The mill grinds rye and wheat between two granite stones."},
    {"_id": "bees", "title": "", "text": "Bees leave the hive when the queen is old and the honey is plenty."},
    {"_id": "also bees", "title": "", "text": "Bees leave the hive when the queen is old and the honey is plenty."},
    {"_id": "empty", "title": "", "text": ""},
]
ABOUT_TEXTS = [
    {"_id": 1, "text": "How high does the tide rise?"},
    {"_id": 2, "text": "What do bees do with an old queen?"},
    {"_id": 3, "text": "Which stones does the mill have?", "scope": ["mill"]},
    {"_id": 4, "text": "word " * 120},
]


def pdf(path: Path, *pages: str) -> Path:
    """A PDF with a few words on each page."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), invariant=1)
    for page in pages:
        for at, line in enumerate(page.split(". ")):
            canvas.drawString(40, 800 - 18 * at, line)
        canvas.showPage()
    canvas.save()
    return path


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a run."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


async def test_texts_are_found_by_their_ids_and_two_runs_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, queries = lines(tmp_path / "corpus.jsonl", TEXTS), lines(tmp_path / "queries.jsonl", ABOUT_TEXTS)
    outs = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for out in outs:
        assert await retrieval(corpus=corpus, queries=queries, out=out, k=3) == Exit.OK
    assert outs[0].read_bytes() == outs[1].read_bytes()
    told = capsys.readouterr()
    assert told.out == ""
    assert "text 'empty' cannot be searched" in told.err
    assert "warning: line 4 has no result" in told.err
    assert "4 questions in" in told.err
    tide, bees, mill, long = rows(outs[0])
    assert tide["id"] == 1
    assert tide["retrieved"][0]["doc"] == "tide"
    assert [place["doc"] for place in bees["retrieved"][:2]] == ["also bees", "bees"]
    assert bees["retrieved"][0]["score"] == bees["retrieved"][1]["score"] > bees["retrieved"][2]["score"]
    assert [place["doc"] for place in mill["retrieved"]] == ["mill"]
    assert set(mill["retrieved"][0]) == {"doc", "score"}
    assert long == {"id": 4, "retrieved": []}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A folder of two PDFs, one more in a folder below, and a file that cannot be read."""
    folder = tmp_path / "library"
    (folder / "old").mkdir(parents=True)
    pdf(folder / "Pump Guide.pdf", "The pump. Read this first", "Filters. The filter of the pump is changed weekly")
    pdf(folder / "oven.pdf", "The oven. Read this first", "Doors. The door of the oven stays shut while it is hot")
    pdf(folder / "old" / "kiln.pdf", "The kiln. It is fired at night", "Doors. The door of the kiln is bricked up")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing else")
    return folder


async def test_pages_are_found_by_file_name_and_a_scope_holds(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = lines(
        tmp_path / "queries.jsonl",
        [
            {"id": "a", "question": "How often is the filter of the pump changed?", "scope": None},
            {"id": "b", "question": "What of the door?", "scope": ["kiln.pdf"]},
            {"id": "c", "question": "What of the door?", "scope": ["broken.pdf"]},
        ],
    )
    keep, outs = tmp_path / "kept", [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for out in outs:
        assert await retrieval(corpus=library, queries=queries, out=out, keep=keep) == Exit.OK
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert "broken.pdf cannot be searched: failed" in capsys.readouterr().err
    pump, kiln, broken = rows(outs[0])
    places = [(place["doc"], place["page"]) for place in pump["retrieved"]]
    assert places[0] == ("Pump Guide.pdf", 2)
    assert len(set(places)) == len(places) == 6
    assert {place["doc"] for place in kiln["retrieved"]} == {"kiln.pdf"}
    assert kiln["retrieved"][0]["page"] == 2
    assert broken == {"id": "c", "retrieved": []}
    texts = lines(tmp_path / "corpus.jsonl", TEXTS)
    with pytest.raises(ConflictError, match="--keep holds 3 documents that are not of this corpus"):
        await retrieval(corpus=texts, queries=lines(tmp_path / "q.jsonl", ABOUT_TEXTS), out=outs[0], keep=keep)


async def test_faults_are_told_before_anything_is_started(tmp_path: Path, library: Path) -> None:
    unknown = lines(tmp_path / "queries.jsonl", [{"id": "a", "question": "What?", "scope": ["else.pdf"]}])
    with pytest.raises(InvalidInputError, match=r"queries.jsonl, line 1: 'scope' names \"else.pdf\""):
        await retrieval(corpus=library, queries=unknown, out=tmp_path / "run.jsonl", keep=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_nothing_of_an_evaluation_lands_where_the_user_keeps_things(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("VECTORS_URL", "RECORDS_URL", "BLOBS_URL"):
        monkeypatch.setenv(f"AGENTRAG_{name}", f"somewhere:/{name}")
    monkeypatch.setenv("AGENTRAG_EMBEDDINGS_URL", "embedded:minilm-fp32")
    monkeypatch.setenv("AGENTRAG_AUTH", "internal")
    settings = settings_on(tmp_path)
    assert (settings.data, settings.auth) == (tmp_path, "local")
    assert (settings.vectors_url, settings.records_url, settings.blobs_url) == (
        "embedded:vectors",
        "sqlite:records.db",
        "folder:blobs",
    )
    assert settings.embeddings_url == "embedded:minilm-fp32"


async def test_answers_cite_pages_by_file_name_or_decline(tmp_path: Path, library: Path) -> None:
    queries = lines(
        tmp_path / "queries.jsonl",
        [
            {"id": "a", "question": "How often is the filter of the pump changed?"},
            {"id": "b", "question": "How often is the filter of the pump changed?", "scope": ["kiln.pdf"]},
            {"id": "c", "question": "Who is the chess champion of Reykjavik?"},
            {"id": "d", "question": "What of the door?", "scope": ["broken.pdf"]},
        ],
    )
    keep, outs = tmp_path / "kept", [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for out in outs:
        assert await answer(corpus=library, queries=queries, out=out, keep=keep) == Exit.OK
    assert outs[0].read_bytes() == outs[1].read_bytes()
    pump, kiln, chess, broken = rows(outs[0])
    assert pump["citations"] == [{"doc": "Pump Guide.pdf", "page": 2}]
    assert "weekly" in pump["answer"]
    assert pump["abstained"] is False
    assert pump["retrieved"][0]["doc"] == "Pump Guide.pdf"
    assert {place["doc"] for place in [*kiln["retrieved"], *kiln["citations"]]} == {"kiln.pdf"}
    assert (chess["abstained"], chess["citations"]) == (True, [])
    assert broken == {"id": "d", "retrieved": [], "answer": "", "citations": [], "abstained": False}


async def test_claims_are_judged_in_order_and_faults_are_told(tmp_path: Path) -> None:
    said = ["The filter of the pump is changed every week. It costs 40 euros."]
    pairs = lines(
        tmp_path / "pairs.jsonl",
        [
            {"id": "yes", "question": "?", "claim": "The pump's filter is changed every week.", "references": said},
            {"id": "no", "claim": "The kiln was built by monks in 1420.", "references": said},
            {"id": "long", "claim": "c" * 4001, "references": said},
        ],
    )
    assert await grounding(pairs=pairs, out=tmp_path / "run.jsonl") == Exit.OK
    yes, no, long = rows(tmp_path / "run.jsonl")
    assert (yes["id"], yes["label"], no["label"]) == ("yes", "supported", "unsupported")
    assert yes["score"] > 0.5 > no["score"]
    assert long == {"id": "long", "label": "unsupported", "score": 0.0}
    for row, words in (
        ({"id": 1, "claim": " ", "references": said}, "line 1: the claim is empty"),
        ({"id": 1, "claim": "x", "references": []}, "line 1: 'references' is"),
        ({"id": 1, "claim": "x", "references": "x"}, "line 1: 'references' is"),
        ({"id": 1, "references": said}, "line 1: there is no 'claim'"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            await grounding(pairs=lines(pairs, [row]), out=tmp_path / "run.jsonl")


async def test_the_public_set_can_be_measured(tmp_path: Path) -> None:
    folder = EVALUATION / "ir" / "adi"
    if not folder.is_dir():
        pytest.skip(f"no evaluation data at {EVALUATION}; set AGENTRAG_EVAL_DIR to run this")
    corpus, queries, out = folder / "corpus.jsonl", folder / "queries.jsonl", tmp_path / "run.jsonl"
    assert await retrieval(corpus=corpus, queries=queries, out=out, k=100) == Exit.OK
    wanted: dict[str, set[str]] = {}
    for judgement in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, _ = judgement.split()
        wanted.setdefault(query, set()).add(document)
    found = {str(row["id"]): [place["doc"] for place in row["retrieved"]] for row in rows(out)}
    recall = [len(wanted[query] & set(found[query][:10])) / len(wanted[query]) for query in wanted]
    assert sum(recall) / len(recall) > 0.45
