"""LangChain's default pipeline as its tutorials show it. Runs in the peers' environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.benchmarks.case import Lap


def chunk(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The recursive splitter, counting in tokens of the embedding model."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from transformers import AutoTokenizer

    splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
        AutoTokenizer.from_pretrained(ask["model"]), chunk_size=ask["size"], chunk_overlap=ask["overlap"]
    )
    with lap:
        chunks = splitter.create_documents(ask["texts"])
    return {"chunks": len(chunks)}


def ingest(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """PyPDFLoader, recursive splitter of 1,000 characters that share 200, Hugging Face embeddings, Chroma."""
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    embeddings = _embeddings(ask["model"])
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    with lap:
        chunks = splitter.split_documents(PyPDFLoader(ask["file"]).load())
        Chroma.from_documents(chunks, embeddings, persist_directory=ask["folder"])
    return {"chunks": len(chunks)}


def query(ask: Mapping[str, Any], lap: Lap) -> Mapping[str, Any]:
    """The five nearest chunks of each question."""
    from langchain_chroma import Chroma

    store = Chroma(persist_directory=ask["folder"], embedding_function=_embeddings(ask["model"]))
    store.similarity_search("warm", k=ask["top"])
    with lap:
        found = [len(store.similarity_search(question, k=ask["top"])) for question in ask["questions"]]
    return {"found": sum(found)}


def _embeddings(folder: str) -> Any:
    from langchain_huggingface import HuggingFaceEmbeddings

    embeddings = HuggingFaceEmbeddings(model_name=folder, model_kwargs={"device": "cpu"})
    embeddings.embed_query("warm")
    return embeddings
