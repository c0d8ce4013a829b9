"""Cross-encoders: from a folder of one's own, and behind a service of either form."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

import numpy as np
import pytest

from runtime.backends import Backends
from runtime.errors import ModelUnavailableError, SettingsError
from runtime.models.cross_encoder import OnnxCrossEncoder, relevance
from runtime.models.rerank_service import RerankService
from runtime.settings import Settings
from tests.cross_encoding import WORD, make_folder, reranking

PASSAGES = ["Clean it with water.", f"Clean it with {WORD}.", f"{WORD} and {WORD}", ""]


def logistic(number: float) -> float:
    return 1 / (1 + math.exp(-number))


@pytest.mark.parametrize("classes", [1, 2])
async def test_a_folder_with_a_cross_encoder_scores_passages_in_order(tmp_path: Path, classes: int) -> None:
    model = OnnxCrossEncoder(make_folder(tmp_path / "tiny", classes=classes))
    try:
        scores = await model.scores("How is it cleaned?", PASSAGES)
        assert scores == pytest.approx([logistic(count - 0.5) for count in (0, 1, 2, 0)])
        assert await model.scores("How is it cleaned?", []) == []
        assert model.name == "tiny"
    finally:
        await model.close()


async def test_a_long_passage_is_cut_and_the_question_kept(tmp_path: Path) -> None:
    model = OnnxCrossEncoder(make_folder(tmp_path))
    (score,) = await model.scores(WORD, [f"{'water ' * 2000}{WORD}"])
    assert score == pytest.approx(logistic(0.5))
    await model.close()


async def test_a_graph_in_the_subfolder_of_exports_is_found(tmp_path: Path) -> None:
    make_folder(tmp_path)
    (tmp_path / "onnx").mkdir()
    (tmp_path / "model.onnx").rename(tmp_path / "onnx" / "model.onnx")
    model = OnnxCrossEncoder(tmp_path, threads=1)
    assert len(await model.scores("x", ["y", "z"])) == 2
    await model.close()


async def test_a_folder_without_a_model_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"holds no cross-encoder: it needs tokenizer\.json and model\.onnx"):
        OnnxCrossEncoder(tmp_path)


async def test_files_that_are_no_cross_encoder_are_told_when_they_are_used(tmp_path: Path) -> None:
    damaged = make_folder(tmp_path / "damaged")
    (damaged / "model.onnx").write_bytes(b"nothing")
    odd = make_folder(tmp_path / "odd", extra_input="pixel_values")
    wide = make_folder(tmp_path / "wide", classes=3)
    mute = make_folder(tmp_path / "mute")
    (mute / "tokenizer.json").write_text("{}")
    for folder, why in ((damaged, "cannot load"), (odd, "pixel_values"), (wide, "3 numbers"), (mute, "cannot load")):
        model = OnnxCrossEncoder(folder)
        with pytest.raises(ModelUnavailableError, match=why):
            await model.scores("x", ["y"])
        await model.close()


def test_very_sure_logits_stay_between_0_and_1() -> None:
    assert relevance(np.array([[1e9]])) == pytest.approx(1.0)
    assert relevance(np.array([-1e9])) == pytest.approx(0.0, abs=1e-9)


async def test_a_service_of_either_form_is_asked_in_its_words() -> None:
    async with reranking() as service:
        for form, url in (("cohere", f"{service.url}/cohere"), ("tei", f"tei:{service.url}/tei")):
            settings = Settings(rerank_url=url, rerank_model="small-1", rerank_api_key="secret", _env_file=None)
            model = RerankService.from_settings(settings)
            assert await model.scores("How?", PASSAGES) == [0.1, 0.9, 0.9, 0.1]
            await model.close()
            assert service.headers[-1]["authorization"] == "Bearer secret"
            body = service.bodies[-1]
            assert body["query"] == "How?"
            assert body.get("model") == ("small-1" if form == "cohere" else None)
            assert body["documents" if form == "cohere" else "texts"] == PASSAGES


async def test_scores_that_a_service_leaves_out_are_0_and_others_are_bounded() -> None:
    async with reranking() as service:
        service.answer = {"results": [{"index": 1, "relevance_score": 7.5}]}
        model = RerankService(f"{service.url}/cohere", "cohere")
        assert await model.scores("x", ["a", "b"]) == [0.0, 1.0]
        await model.close()


async def test_a_service_that_fails_is_told_with_what_to_check() -> None:
    async with reranking() as service:
        model = RerankService(f"{service.url}/cohere", "cohere")
        service.status = 401
        with pytest.raises(ModelUnavailableError, match=r"status 401; check rerank_url"):
            await model.scores("x", ["a"])
        service.status, service.answer = 200, {"results": [{"index": 9, "relevance_score": 1}]}
        with pytest.raises(ModelUnavailableError, match="another form"):
            await model.scores("x", ["a"])
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await model.scores("x", ["a"])
    await model.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https:", "no web address"),
        ("https://me:pw@host/rerank", "RERANK_API_KEY"),
        ("tei:ftp://host", "no web address"),
        ("bm25:", "no adapter serves"),
        ("onnx:nowhere", "holds no cross-encoder"),
    ],
)
async def test_a_url_that_cannot_work_is_refused(tmp_path: Path, url: str, why: str) -> None:
    backends = Backends(Settings(data=tmp_path, rerank_url=url, _env_file=None))
    with pytest.raises(SettingsError, match=why):
        await backends.open(("reranker",))
    await backends.close()


async def test_backends_open_the_reranker_that_the_settings_name(tmp_path: Path) -> None:
    make_folder(tmp_path / "tiny")
    for url, kind in (("onnx:tiny", OnnxCrossEncoder), ("http://127.0.0.1:9/rerank", RerankService)):
        backends = Backends(Settings(data=tmp_path, rerank_url=url, _env_file=None))
        async with asyncio.timeout(20):
            await backends.open(("reranker",))
            assert isinstance(backends.reranker, kind)
            await backends.close()
