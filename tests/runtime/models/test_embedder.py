"""MiniLM as an Embedder: unit rows in order, fair turns, bounded texts, offsets that slice the text."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import ModelUnavailableError
from runtime.models import weights
from runtime.models.contract import Embedder
from runtime.models.embedded import NICENESS, MiniLM, Shared, Tokens, pieces, turns

LONG = "The valve opens when the pressure in the second chamber rises above four bar. " * 30


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
async def embedder(cache: Path) -> AsyncIterator[Embedder]:
    made: Embedder = MiniLM(cache_dir=cache)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def tokens() -> Tokens:
    return Tokens(weights.weights_folder())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
async def test_documents_stand_back_behind_questions(embedder, monkeypatch):
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    seen = {}

    def note(texts: list[str]) -> np.ndarray:
        seen[texts[0]] = priority()
        return np.zeros((len(texts), 384))

    monkeypatch.setattr(embedder, "_vectors", note)
    await embedder.embed(["A question?"])
    await embedder.embed([LONG, "The end."])
    assert seen == {"A question?": priority(), LONG: min(19, priority() + NICENESS), "The end.": seen[LONG]}


async def test_rows_are_unit_float32_and_the_fingerprint_names_them(embedder):
    rows = await embedder.embed(["one", "two words", LONG])
    assert rows.shape == (3, embedder.dimension) == (3, 384)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert embedder.fingerprint == "minilm-l6-v2/53aa5117/int8"
    assert embedder.window == 256


async def test_no_texts_give_no_rows(embedder):
    assert (await embedder.embed([])).shape == (0, 384)


async def test_order_is_kept_when_calls_run_side_by_side(embedder):
    texts = [f"Sentence {i} is about {word}. " * (1 + i % 7) for i, word in enumerate(["rain", "law", "jazz"] * 9)]
    alone = np.concatenate([await embedder.embed([text]) for text in texts])
    there, back = await asyncio.gather(embedder.embed(texts), embedder.embed(texts[::-1]))
    np.testing.assert_array_equal(there, alone)
    np.testing.assert_array_equal(back, alone[::-1])


async def test_a_paraphrase_scores_above_an_unrelated_sentence(embedder):
    rows = await embedder.embed(
        [
            "How do I stop the machine in an emergency?",
            "Press the red button to halt the equipment at once if there is danger.",
            "The annual report lists dividends per share for the last five years.",
        ]
    )
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2


async def test_float_vectors_give_the_published_similarities(cache):
    """Source: the quickstart of sbert.net for all-MiniLM-L6-v2."""
    embedder = MiniLM("fp32", cache_dir=cache)
    rows = await embedder.embed(["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."])
    await embedder.close()
    assert embedder.fingerprint.endswith("/fp32")
    found = [float(rows[i] @ rows[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found == pytest.approx([0.6660, 0.1046, 0.1411], abs=1e-4)


async def test_two_runs_give_the_same_bits(cache):
    texts = ["", "short", LONG, "日本語のテキスト"]
    runs = []
    for threads in (1, 2):
        embedder = MiniLM(cache_dir=cache, threads=threads)
        runs.append(await embedder.embed(texts))
        await embedder.close()
    np.testing.assert_array_equal(*runs)


async def test_a_text_without_tokens_has_the_vector_of_the_empty_text(embedder):
    rows = await embedder.embed(["", " \n\t ", "\u200b"])
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows, rows[[0, 0, 0]])


async def test_what_lies_beyond_the_window_is_not_read(embedder):
    spans = embedder.token_spans(LONG)
    last_read = embedder.window - 2 - 1
    assert len(spans) > embedder.window
    head = LONG[: spans[last_read][1]]
    rows = await embedder.embed([LONG, head, LONG[: spans[last_read - 1][1]], LONG * 40])
    np.testing.assert_array_equal(rows[0], rows[1])
    np.testing.assert_array_equal(rows[0], rows[3])
    assert not np.array_equal(rows[0], rows[2])


async def test_half_a_surrogate_pair_and_the_names_of_special_tokens_are_text(embedder):
    text = "x \ud800 y [SEP] z"
    assert np.isfinite(await embedder.embed([text])).all()
    assert [text[a:b] for a, b in embedder.token_spans(text)] == ["x", "y", "[", "SEP", "]", "z"]


async def test_progress_counts_up_to_the_number_of_texts(embedder):
    heard: list[int] = []
    await embedder.embed([LONG] * 6 + ["brief"] * 40, on_batch=heard.append)
    assert heard == sorted(set(heard))
    assert heard[-1] == 46
    assert len(heard) > 6


async def test_a_question_does_not_wait_for_a_whole_document(embedder):
    await embedder.embed(["load it"])
    document = asyncio.create_task(embedder.embed([LONG] * 60))
    await asyncio.sleep(0)
    await asyncio.wait_for(embedder.embed(["What opens the valve?"]), 60)
    assert not document.done()
    assert (await asyncio.wait_for(document, 60)).shape == (60, 384)


async def test_the_event_loop_goes_on_meanwhile(embedder):
    job, ticks = asyncio.create_task(embedder.embed([LONG] * 12)), 0
    while not job.done():
        await asyncio.sleep(0.001)
        ticks += 1
    assert ticks > 12
    assert (await job).shape == (12, 384)


async def test_a_cancelled_call_stops_and_the_next_one_works(embedder):
    heard: list[int] = []
    first = asyncio.Event()

    def on_batch(done: int) -> None:
        heard.append(done)
        first.set()

    job = asyncio.create_task(embedder.embed([LONG] * 80, on_batch))
    await asyncio.wait_for(first.wait(), 60)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert (await embedder.embed(["next"])).shape == (1, 384)
    assert heard[-1] < 80


async def test_first_calls_at_once_build_and_load_one_graph(tmp_path):
    heard: list[str] = []
    both = [MiniLM(cache_dir=tmp_path, threads=4, progress=heard.append) for _ in range(2)]
    rows = await asyncio.gather(*(embedder.embed(["same"] * 3) for embedder in both * 3))
    assert sum("Building" in message for message in heard) == 1
    assert len({row.tobytes() for found in rows for row in found}) == 1
    for embedder in both:
        await embedder.close()


async def test_damaged_weights_reach_the_caller_as_a_plain_error(tmp_path):
    for name in (weights.TOKENS_FILE, weights.WEIGHTS_FILE):
        shutil.copyfile(weights.weights_folder() / name, tmp_path / name)
    with (tmp_path / weights.WEIGHTS_FILE).open("ab") as file:
        file.write(b"\0")
    embedder = MiniLM(cache_dir=tmp_path / "cache", weights_dir=tmp_path)
    with pytest.raises(ModelUnavailableError, match=r"model\.safetensors has SHA-256"):
        await embedder.embed(["a", "b" * 2000, "c" * 2000])
    await embedder.close()


async def test_another_tokenizer_is_refused(tmp_path):
    (tmp_path / weights.TOKENS_FILE).write_text("{}")
    embedder = MiniLM(weights_dir=tmp_path)
    with pytest.raises(ModelUnavailableError, match=r"tokenizer\.json has SHA-256"):
        embedder.token_spans("a")
    await embedder.close()


async def test_a_closed_embedder_refuses(cache):
    embedder = MiniLM(cache_dir=cache)
    await embedder.embed(["a"])
    await embedder.close()
    await embedder.close()
    with pytest.raises(ModelUnavailableError, match="closed"):
        await embedder.embed(["a"])
    with pytest.raises(ModelUnavailableError, match="closed"):
        embedder.token_spans("a")


async def test_closing_ends_a_running_call_with_an_error_and_not_with_a_cancellation(cache):
    embedder = MiniLM(cache_dir=cache)
    await embedder.embed(["load it"])
    job = asyncio.create_task(embedder.embed([LONG] * 60))
    await asyncio.sleep(0)
    await asyncio.wait_for(embedder.close(), 60)
    with pytest.raises(ModelUnavailableError, match="closed"):
        await job


def test_spans_name_the_word_pieces(tokens):
    text = "Unhappily, the Café re-opened"
    assert [text[a:b] for a, b in tokens.spans(text)] == [
        "Un", "ha", "pp", "ily", ",", "the", "Café", "re", "-", "opened",
    ]  # fmt: skip
    assert tokens.spans("") == tokens.spans(" \n") == []


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("e\u0301te\u0301 5\u00a0%", ["e\u0301t", "e\u0301", "5", "%"]),
        ("日本語 ok", ["日", "本", "語", "ok"]),
        ("a 😀 b", ["a", "😀", "b"]),
        ("so\u00adft \u200bzero", ["so\u00adft", "zero"]),
        ("Café\r\nNaïve", ["Café", "Naïve"]),
        ("x\U0001d7d8\ufb01n", ["x\U0001d7d8\ufb01n"]),
    ],
    ids=["combining marks", "cjk", "emoji", "invisible", "line end", "unknown word"],
)
def test_spans_slice_unicode_text_by_characters(tokens, text, slices):
    assert [text[start:end] for start, end in tokens.spans(text)] == slices


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120))
def test_spans_lie_in_the_text_and_never_go_back(tokens, text):
    spans = tokens.spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)
    assert not any(text[start:end].isspace() for start, end in spans)


def test_a_text_cut_into_pieces_has_the_spans_of_the_whole(tokens):
    text = "Grüße aus Köln\nund 東京 – emoji 👍🏽 \u0301 combining. " * 40
    whole = tokens.spans(text)
    cut = [(offset + start, offset + end) for offset, piece in pieces(text, 100) for start, end in tokens.spans(piece)]
    assert len(list(pieces(text, 100))) > 10
    assert cut == whole


@given(st.text(alphabet="ab \n", max_size=80), st.integers(1, 20))
def test_pieces_leave_nothing_out(text, least):
    found = list(pieces(text, least))
    assert "".join(piece for _, piece in found) == text
    assert all(text.startswith(piece, offset) for offset, piece in found)
    assert all(len(piece) >= least for _, piece in found[:-1])


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 60))
def test_turns_cover_every_text_once_in_order_within_the_limit(texts, most):
    cut = list(turns(texts, most))
    assert [text for part in cut for text in texts[part]] == texts
    assert all(part.stop > part.start for part in cut)
    assert all(part.stop - part.start == 1 or sum(map(len, texts[part])) <= most for part in cut)


def test_a_shared_thing_is_loaded_once_and_let_go_with_its_last_user():
    class Thing:
        pass

    shared: Shared[Thing] = Shared()
    loads: list[int] = []
    gate = threading.Barrier(4)
    found: list[Thing] = []

    def load() -> Thing:
        loads.append(1)
        return Thing()

    def use() -> None:
        gate.wait(10)
        found.append(shared.get("key", load))

    users = [threading.Thread(target=use) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join(10)
    assert len(loads) == 1
    assert all(thing is found[0] for thing in found)
    found.clear()
    gc.collect()
    shared.get("key", load)
    assert len(loads) == 2
