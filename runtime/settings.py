"""Settings: one URL per backend, every default works offline on one machine. Environment: `AGENTRAG_<NAME>`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, Self

from platformdirs import user_data_path
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settled(Protocol):
    """Whatever was opened with settings, such as the backends of a process."""

    @property
    def settings(self) -> Settings:
        """What it was opened with."""


class Settings(BaseSettings):
    """What every process of the federation knows. Each server and the host add their own knobs in a subclass.

    A backend URL is `scheme:place`; the scheme picks the adapter. A relative folder lies in the data folder.
    """

    model_config = SettingsConfigDict(
        env_prefix="AGENTRAG_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    data: Path = Field(default_factory=lambda: user_data_path("agentrag"))
    """The data folder: everything that is kept, but for what a URL below puts elsewhere."""

    vectors_url: str = "embedded:vectors"
    """Where vectors live: `embedded:<folder>`, or `store:<socket>` of a running `agentrag serve store`."""
    records_url: str = "sqlite:records.db"
    """Where records live: `sqlite:<file>`."""
    blobs_url: str = "folder:blobs"
    """Where originals live: `folder:<folder>`."""
    durable_url: str = "embedded:workflows.db"
    """Where workflows are journaled: `embedded:<file>`."""
    live_url: str = "memory:"
    """Where streams of running work live: `memory:`."""
    compute_url: str = "embedded:"
    """Where heavy work runs: `embedded:`, threads and child processes of this machine."""
    embeddings_url: str = "embedded:minilm-int8"
    """What makes vectors: `embedded:minilm-int8` or `embedded:minilm-fp32`."""
    answers_url: str = "embedded:extractive"
    """What answers: `embedded:extractive`, or `openai:https://host/v1` with `openai_api_key` and `answers_model`."""
    answers_model: str = "gpt-4-turbo"
    """Model asked at an `openai:` URL."""
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    """Key for an `openai:` URL; the only setting without the prefix."""

    rerank_url: str = "fused:"
    """What puts found passages in order: `fused:` keeps the score of the search, `onnx:<folder>` is a cross-encoder
    (`model.onnx` and `tokenizer.json`), `https://host/v2/rerank` a service of Cohere's or Jina's form, `tei:http://host/rerank`
    one of Text Embeddings Inference."""
    rerank_model: str | None = None
    """Model asked at a rerank service."""
    rerank_api_key: SecretStr | None = None
    """Key for a rerank service."""

    auth: Literal["local", "internal"] = "local"
    """`local`: everyone on loopback is the owner. `internal`: only callers with a token minted by this federation."""
    internal_key: SecretStr | None = None
    """Key that tokens between our own processes are signed with; made in the data folder when absent."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may name, besides those of loopback."""
    allowed_origins: tuple[str, ...] = ()
    """Browser origins that may call, besides those of loopback."""

    otlp_endpoint: str | None = None
    """Where spans go, e.g. `http://localhost:4318`; nowhere when absent."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe level that is logged."""

    max_upload_bytes: int = 100 * 1024 * 1024
    """Largest document, bytes."""
    max_documents: int = 1000
    """Documents that a tenant may keep."""
    max_stored_bytes: int = 10 * 1024**3
    """Bytes that a tenant's documents may take."""

    @classmethod
    def beside(cls, settled: Settled | None) -> Self:
        """These knobs, with whatever was settled for the process whose backends are shared."""
        if settled is None:
            return cls()
        known = settled.settings
        return cls(**{name: getattr(known, name) for name in known.model_fields_set if name in cls.model_fields})

    @property
    def has_reranker(self) -> bool:
        """Whether a model reads question and passage together."""
        return self.rerank_url != "fused:"

    def place(self, url: str) -> Path:
        """The folder or file of an embedded URL; relative ones lie in the data folder."""
        return (self.data / url.partition(":")[2]).expanduser().resolve()
