"""Haystack's default pipeline as its tutorials show it. Runs in the peers' environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.case import Lap

STORE = "store.json"


def ingest(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """PyPDFToDocument, splitter of 200 words, sentence-transformers, and the store in memory, saved to a file."""
    from haystack import Pipeline
    from haystack.components.converters import PyPDFToDocument
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder

    store = InMemoryDocumentStore()
    embedder = SentenceTransformersDocumentEmbedder(model=ask["model"], progress_bar=False)
    embedder.warm_up()
    embedder.run(documents=[])
    pipeline = Pipeline()
    parts = {
        "convert": PyPDFToDocument(),
        "split": DocumentSplitter(),
        "embed": embedder,
        "write": DocumentWriter(document_store=store),
    }
    for name, part in parts.items():
        pipeline.add_component(name, part)
    for one, following in zip(list(parts)[:-1], list(parts)[1:], strict=True):
        pipeline.connect(one, following)
    with lap:
        pipeline.run({"convert": {"sources": [Path(ask["file"])]}})
        Path(ask["folder"]).mkdir(parents=True, exist_ok=True)
        store.save_to_disk(str(Path(ask["folder"], STORE)))
    return {"chunks": store.count_documents()}


def query(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The five nearest chunks of each question."""
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersTextEmbedder

    store = InMemoryDocumentStore.load_from_disk(str(Path(ask["folder"], STORE)))
    embedder = SentenceTransformersTextEmbedder(model=ask["model"], progress_bar=False)
    embedder.warm_up()
    embedder.run(text="warm")
    retriever = InMemoryEmbeddingRetriever(store, top_k=ask["top"])
    found = 0
    with lap:
        for question in ask["questions"]:
            vector = embedder.run(text=question)["embedding"]
            found += len(retriever.run(query_embedding=vector)["documents"])
    return {"found": found}
