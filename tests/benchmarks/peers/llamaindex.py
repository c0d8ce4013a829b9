"""LlamaIndex's default pipeline as its tutorials show it. Runs in the peers' environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.case import Lap


def _embeddings(folder: str) -> Any:
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    embeddings = HuggingFaceEmbedding(model_name=folder, device="cpu")
    embeddings.get_query_embedding("warm")
    return embeddings


def ingest(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """Its PDF reader, sentence splitter of 1024 tokens, Hugging Face embeddings, and an index written to a folder."""
    from llama_index.core import SimpleDirectoryReader, VectorStoreIndex

    embeddings = _embeddings(ask["model"])
    with lap:
        documents = SimpleDirectoryReader(input_files=[ask["file"]]).load_data()
        index = VectorStoreIndex.from_documents(documents, embed_model=embeddings)
        index.storage_context.persist(ask["folder"])
    return {"chunks": len(index.docstore.docs)}


def query(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The five nearest chunks of each question."""
    from llama_index.core import StorageContext, load_index_from_storage

    stored = StorageContext.from_defaults(persist_dir=ask["folder"])
    index = load_index_from_storage(stored, embed_model=_embeddings(ask["model"]))
    retriever = index.as_retriever(similarity_top_k=ask["top"])
    with lap:
        found = [len(retriever.retrieve(question)) for question in ask["questions"]]
    return {"found": sum(found)}
