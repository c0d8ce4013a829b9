"""The project speaks of itself alone, and nothing in it is keyed to evaluation data."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVALUATION = Path(os.environ.get("AGENTRAG_EVAL_DIR", ROOT.parent / "shared" / "eval"))


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    found = []
    for path in tracked():
        if path.name == "uv.lock":
            continue
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_no_secret_has_a_literal_value() -> None:
    secret = re.compile(r"(sk-[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY)")
    assert [name for name, text in texts() if secret.search(text)] == []


def test_binaries_are_few_and_small() -> None:
    binaries = [path for path in tracked() if b"\0" in path.read_bytes()[:8000] or path.suffix == ".pdf"]
    assert [path.name for path in binaries if path.suffix != ".pdf"] == []
    assert sum(path.stat().st_size for path in binaries) < 200_000


def test_nothing_names_a_document_of_the_evaluation_set() -> None:
    documents = EVALUATION / "pdf" / "docs"
    if not documents.is_dir():
        pytest.skip(f"no evaluation data at {EVALUATION}; set AGENTRAG_EVAL_DIR to run this")
    names = {path.stem.lower() for path in documents.glob("*.pdf")}
    companies = {name.split("_")[0] for name in names if re.search(r"_\d{4}(q\d)?_(10|earnings)", name)}
    banned = re.compile(r"\b(" + "|".join(re.escape(word) for word in sorted(names | companies)) + r")\b")
    questions = [
        json.loads(line)["question"].lower() for line in (EVALUATION / "pdf" / "queries.jsonl").read_text().splitlines()
    ]
    for name, text in texts():
        lowered = text.lower()
        assert not banned.search(lowered), f"{name} names a document or company of the evaluation set"
        assert not any(question in lowered for question in questions), f"{name} holds a question of the evaluation set"
