"""Rerankers for tests: a tiny model made on the spot, and a reranking service on loopback that answers by rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.serving import serving

WORD = "vinegar"
"""The word that the tiny model likes in a passage."""


def make_folder(folder: Path, *, classes: int = 1, extra_input: str | None = None) -> Path:
    """A cross-encoder of a few hundred bytes: the logit of a pair is how often WORD stands in it, less one half."""
    from onnx import TensorProto, helper, save
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, WORD: 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.save(str(folder / "tokenizer.json"))

    names = ["input_ids", "attention_mask", *([extra_input] if extra_input else [])]
    nodes = [
        helper.make_node("Equal", ["input_ids", "liked"], ["is_liked"]),
        helper.make_node("Cast", ["is_liked"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["ones", "axis"], ["count"], keepdims=1),
        helper.make_node("Sub", ["count", "half"], ["logit"]),
        helper.make_node("Mul", ["logit", "none"], ["zero"]),
        helper.make_node("Concat", [*["zero"] * (classes - 1), "logit"], ["logits"], axis=1),
    ]
    constants = [
        helper.make_tensor("liked", TensorProto.INT64, [1], [3]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("half", TensorProto.FLOAT, [1], [0.5]),
        helper.make_tensor("none", TensorProto.FLOAT, [1], [0.0]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "tokens"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), folder / "model.onnx")
    return folder


class Service:
    """`POST /cohere` and `POST /tei`: passages with WORD are relevant. Keeps what was asked, and can fail or hang."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.answer: Any = None
        self.hangs = False
        self.url = ""

    async def rerank(self, request: Request) -> Response:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        if self.hangs:
            await asyncio.sleep(30)
        if self.status != 200 or self.answer is not None:
            return JSONResponse(self.answer or {}, self.status)
        form = request.url.path.strip("/")
        passages = self.bodies[-1]["texts" if form == "tei" else "documents"]
        scored = sorted(((0.9 if WORD in text else 0.1, at) for at, text in enumerate(passages)), reverse=True)
        if form == "tei":
            return JSONResponse([{"index": at, "score": score} for score, at in scored])
        return JSONResponse({"results": [{"index": at, "relevance_score": score} for score, at in scored]})


@asynccontextmanager
async def reranking() -> AsyncIterator[Service]:
    """A service that listens on loopback."""
    service = Service()
    routes = [Route(path, service.rerank, methods=["POST"]) for path in ("/cohere", "/tei")]
    async with serving(Starlette(routes=routes)) as url:
        service.url = url
        yield service
