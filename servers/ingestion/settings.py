"""Knobs of the ingestion agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from runtime.settings import Settings

Profile = Literal["minilm", "openai"]


class ChunkTokens(NamedTuple):
    """How long a chunk may be, and how much of the one before it it repeats at most, in tokens."""

    size: int
    overlap: int


PROFILES: Mapping[Profile, ChunkTokens] = {"minilm": ChunkTokens(144, 0), "openai": ChunkTokens(512, 50)}
"""Small chunks find pages best with a small model; large models are usually given larger ones."""


class IngestionSettings(Settings):
    """How documents are cut, how much of them is read, and how hard it is tried."""

    chunk_profile: Profile = "minilm"
    """How pages are cut: `minilm` into chunks of 144 tokens that share none, `openai` of 512 that share 50. The
    model's window bounds them: MiniLM reads 256 tokens, 48 of them for the words before each chunk, so that `openai`
    gives 206 and 50 with it. Documents keep their chunks until they are processed again."""
    chunk_tokens: int | None = Field(None, ge=16, le=8192)
    """Longest chunk, in tokens of the embedding model, instead of the profile's; the model's window bounds it, too."""
    chunk_overlap_tokens: int | None = Field(None, ge=0)
    """Tokens at most that a chunk repeats of the one before it on the page, instead of the profile's."""
    warm_embedder: bool = True
    """Load the embedding model right after the start, so that the first document need not wait for it."""
    embedding_batch_chunks: int = Field(32, ge=1, le=1024)
    """Chunks that are embedded and stored in one go."""

    documents_at_once: int = Field(10, ge=1, le=64)
    """Documents that one process works on at a time, sharing its processors; others wait."""
    small_documents_at_once: int = Field(48, ge=1, le=256)
    """The same for texts of a few pages, which wait mostly for the index and so are best made in company."""
    files_read_at_once: int = Field(2, ge=1, le=64)
    """Child processes that read files at a time."""
    extractor_idle_seconds: float = Field(30.0, ge=0)
    """Seconds that a child process waits for the tenant's next document before it ends."""
    ingestion_retry_seconds: tuple[float, ...] = (1.0, 5.0, 25.0)
    """Seconds before each new try after a failure that may pass; their number is the number of retries."""
    sweep_seconds: float = Field(15.0, gt=0)
    """Seconds between two looks for documents that nobody works on."""

    max_pages: int = Field(5000, ge=1)
    """Most pages of a document."""
    max_text_chars: int = Field(20_000_000, ge=1)
    """Most characters of text in a document."""
    extract_memory_mb: int = Field(1024, ge=256)
    """Address space of the child process that reads a file, MB."""
    extract_cpu_seconds: int = Field(300, ge=1)
    """Processor seconds to read one file."""
    extract_wall_seconds: float = Field(600.0, gt=0)
    """Seconds to read one file."""

    ocr: Literal["auto", "off"] = "auto"
    """Whether the words of pages without a text layer are recognised: `auto` where Tesseract is installed, or `off`."""
    ocr_languages: str = Field("eng", pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$")
    """Languages that Tesseract looks for, by its names, e.g. `eng+deu`."""
    ocr_max_pages: int = Field(300, ge=0)
    """Most pages of a document whose words are recognised; half of `extract_wall_seconds` bounds it as well."""

    @property
    def chunks(self) -> ChunkTokens:
        """Size and overlap of chunks: what is set one by one, else the profile's."""
        usual = PROFILES[self.chunk_profile]
        size = usual.size if self.chunk_tokens is None else self.chunk_tokens
        overlap = min(usual.overlap, size // 2) if self.chunk_overlap_tokens is None else self.chunk_overlap_tokens
        return ChunkTokens(size, overlap)

    @model_validator(mode="after")
    def _overlap_leaves_room(self) -> IngestionSettings:
        size, overlap = self.chunks
        if overlap * 2 > size:
            raise ValueError(f"chunk_overlap_tokens is {overlap}, more than half of chunk_tokens ({size}); lower it")
        return self
