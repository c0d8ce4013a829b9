"""What is read for an evaluation: nothing but the known fields, and every fault is told with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from hosts.cli.eval.corpus import Collection, Folder, corpus_of
from hosts.cli.eval.lines import read
from hosts.cli.eval.queries import questions_of
from hosts.cli.eval.run_file import RunFile
from runtime.errors import InvalidInputError

NAMES = ("Guide.pdf", "tides.md")


def written(path: Path, *rows: object) -> Path:
    """A file of JSON lines; what is a text already goes in as it is."""
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def test_questions_are_read_by_either_name_of_their_fields(tmp_path: Path) -> None:
    file = written(
        tmp_path / "q.jsonl",
        {"id": "a", "question": " What? ", "scope": None, "answer": "never read", "gold": [1]},
        "",
        {"_id": 7, "text": "Why?", "scope": ["old/folder/guide.PDF"]},
        {"_id": "b", "text": "Who?", "scope": ["guide", "Guide.pdf"]},
    )
    found = questions_of(file, NAMES)
    assert [(one.id, one.text, one.scope) for one in found] == [
        ("a", "What?", None),
        (7, "Why?", ("Guide.pdf",)),
        ("b", "Who?", ("Guide.pdf",)),
    ]
    assert found[2].line.number == 4


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{oops}", "line 2: no JSON"),
        ("[1]", "line 2: .* is no JSON object"),
        ({"question": "What?"}, "line 2: there is no 'id' or '_id'"),
        ({"id": True, "question": "What?"}, "line 2: 'id' is true"),
        ({"id": "", "question": "What?"}, "line 2: 'id' is"),
        ({"id": "b"}, "line 2: there is no 'question' or 'text'"),
        ({"id": "b", "question": 5}, "line 2: 'question' is 5"),
        ({"id": "b", "question": "  "}, "line 2: the question is empty"),
        ({"id": "a", "question": "What?"}, "line 2: the id .* is that of line 1"),
        ({"id": "b", "question": "What?", "scope": "Guide.pdf"}, "line 2: 'scope' is"),
        ({"id": "b", "question": "What?", "scope": []}, "line 2: 'scope' is"),
        ({"id": "b", "question": "What?", "scope": ["else.pdf"]}, "line 2: 'scope' names .*else.pdf"),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, row: object, words: str) -> None:
    file = written(tmp_path / "q.jsonl", {"id": "a", "question": "What?"}, row)
    with pytest.raises(InvalidInputError, match=words):
        questions_of(file, NAMES)


def test_a_scope_has_no_more_documents_than_a_filter_takes(tmp_path: Path) -> None:
    names = [f"{number}.pdf" for number in range(101)]
    file = written(tmp_path / "q.jsonl", {"id": "a", "question": "What?", "scope": names})
    with pytest.raises(InvalidInputError, match="'scope' means 101 documents, the limit is 100"):
        questions_of(file, names)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    packed = tmp_path / "cut.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"id": 1}\n' * 1000)[:-20])
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"id": 1}\n{"id": "\xe9"}\n')
    for path, words in (
        (tmp_path / "missing.jsonl", "missing.jsonl cannot be read: No such file"),
        (written(tmp_path / "empty.jsonl", "", " "), "has no lines"),
        (packed, "cut.jsonl.gz cannot be read"),
        (latin, "line 2: byte 9 is no UTF-8"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            list(read(path))


def test_a_corpus_of_texts_is_read_plain_or_packed(tmp_path: Path) -> None:
    rows = [{"_id": "1", "title": "Tides", "text": "They rise."}, {"_id": 2, "title": "", "text": "They fall."}]
    plain = written(tmp_path / "c.jsonl", *rows)
    packed = tmp_path / "c.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        corpus = corpus_of(path)
        assert isinstance(corpus, Collection)
        assert [(text.id, text.title, text.text) for text in corpus.texts.values()] == [
            ("1", "Tides", "They rise."),
            ("2", None, "They fall."),
        ]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"_id": "b"}, "line 2: there is no 'text'"),
        ({"_id": "b", "title": 1, "text": "x"}, "line 2: 'title'"),
        ({"_id": 1, "text": "x"}, "line 2: the id .* is that of line 1"),
    ],
)
def test_a_fault_of_a_corpus_is_told_with_its_line(tmp_path: Path, row: object, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        corpus_of(written(tmp_path / "c.jsonl", {"_id": "1", "text": "x"}, row))


def test_files_of_a_folder_go_by_their_names_unless_two_have_the_same(tmp_path: Path) -> None:
    for name in ("a.pdf", "b.pdf", "old/b.pdf", "note.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    corpus = corpus_of(tmp_path)
    assert isinstance(corpus, Folder)
    assert set(corpus.names) == {"a.pdf", "b.pdf", "old/b.pdf"}
    assert corpus.files["old/b.pdf"] == tmp_path / "old" / "b.pdf"


def test_a_run_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    run = RunFile.at(tmp_path / "run.jsonl", ())
    run.write([{"id": "é", "retrieved": []}, {"id": 2}])
    assert run.path.read_bytes() == '{"id": "é", "retrieved": []}\n{"id": 2}\n'.encode()

    def rows():
        yield {"id": 3}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.write(rows())
    assert run.path.read_text("utf-8").count("\n") == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_a_run_file_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    queries = written(tmp_path / "q.jsonl", {})
    for path, words in (
        (tmp_path, "is a folder"),
        (queries, "is one of the files that are read"),
        (tmp_path / "nowhere" / "run.jsonl", "its folder is not there"),
    ):
        with pytest.raises(InvalidInputError, match=words):
            RunFile.at(path, (queries,))
