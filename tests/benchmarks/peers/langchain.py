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
    """PyPDFLoader, recursive splitter, Hugging Face embeddings, Chroma; `chars` is the size of a chunk, or None."""
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from transformers import AutoTokenizer

    embeddings = HuggingFaceEmbeddings(model_name=ask["model"], model_kwargs={"device": "cpu"})
    embeddings.embed_query("warm")
    if ask["size"] is None:
        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    else:
        splitter = RecursiveCharacterTextSplitter.from_huggingface_tokenizer(
            AutoTokenizer.from_pretrained(ask["model"]), chunk_size=ask["size"], chunk_overlap=ask["overlap"]
        )
    with lap:
        chunks = splitter.split_documents(PyPDFLoader(ask["file"]).load())
        store = Chroma.from_documents(chunks, embeddings, persist_directory=ask["folder"])
    return {"chunks": store._collection.count()}
