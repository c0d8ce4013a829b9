"""Make what is indexed of a document: chunks, whole pages, and the document itself for the prior."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runtime.identity import named
from runtime.records.contract import PageRecord
from runtime.vectors.contract import Kind, Unit
from runtime.vectors.terms import TERMS_FINGERPRINT, terms
from schemas.document import Document
from schemas.message import DocumentId, TenantId, VersionId
from servers.ingestion.metadata import stem
from servers.ingestion.pages import Extraction
from servers.ingestion.settings import ChunkTokens
from servers.ingestion.split import Piece

if TYPE_CHECKING:
    from runtime.models.contract import Floats

PREFIX_LINES = 2
PREFIX_CHARS = 100
"""The first lines of a page that every chunk of it is indexed with; enough to tell its heading."""
PREFIX_TOKENS = 48
"""Tokens of a model's window that are left to the file's name and these lines; a longer prefix takes from its chunk."""
SPECIAL_TOKENS = 2
"""Tokens that a model adds to a passage."""
PRIOR_PAGES = 2
"""Pages with text that stand for the whole document."""

RECIPE = "pages/2 sentences/1 prefix/1"
"""Raised with each change to extraction, splitting or prefixes that makes other chunks of the same bytes."""

_SEPARATORS = re.compile(r"[\s_]+")


def fingerprint(embedder: str, chunks: ChunkTokens) -> str:
    """Names everything that the chunks of a document depend on besides its bytes."""
    return f"{RECIPE} split/{chunks.size}/{chunks.overlap} {TERMS_FINGERPRINT} {embedder}"


def fitted(wanted: ChunkTokens, window: int) -> ChunkTokens:
    """The chunks of which a model that reads `window` tokens reads every word, the prefix before them included."""
    size = max(1, min(wanted.size, window - SPECIAL_TOKENS - PREFIX_TOKENS))
    return ChunkTokens(size, min(wanted.overlap, size // 2))


def unit_id(tenant: TenantId, document: Document, fingerprint: str, kind: str, ordinal: int) -> uuid.UUID:
    """UUIDv5 of (tenant, bytes, pipeline, kind, ordinal): the same bytes have the same units, whenever they come.

    A tenant holds the same bytes once, so that no two documents share a unit. Equal scores are put in order by these
    ids, and a library that is built anew answers as the old one did.
    """
    return named(tenant, document.sha256, fingerprint, kind, ordinal)


def version_id(tenant: TenantId, document: Document, fingerprint: str) -> VersionId:
    """The version that these bytes and this pipeline make of a document."""
    return VersionId(str(unit_id(tenant, document, fingerprint, "version", 0)))


@dataclass(frozen=True)
class Maker:
    """Makes the units of one version of one document; the same version always gives the same units."""

    tenant: TenantId
    document: Document
    fingerprint: str
    extraction: Extraction

    @property
    def version(self) -> VersionId:
        """The version they belong to."""
        return version_id(self.tenant, self.document, self.fingerprint)

    def chunk_id(self, ordinal: int) -> uuid.UUID:
        """Id of the chunk at `ordinal`."""
        return self._id("chunk", ordinal)

    def chunk(self, piece: Piece, page: PageRecord, dense: Floats) -> Unit:
        """A chunk with its vector."""
        told = {
            **self._told(page),
            "ordinal": piece.ordinal,
            "start": piece.start,
            "end": piece.end,
            "content": piece.content,
        }
        return self._unit(
            "chunk", piece.ordinal, piece.page, passage(self.document, page.text, piece.content), told, dense
        )

    def page(self, page: PageRecord) -> Unit:
        """A whole page."""
        words = f"{prefix(self.document.filename, page.text)}\n{page.text}"
        return self._unit("page", page.page, page.page, words, self._told(page))

    def prior(self, pages: Sequence[PageRecord]) -> Unit:
        """The document as its name and first pages tell it."""
        first = [page for page in pages if page.text][:PRIOR_PAGES]
        words = "\n".join([name_words(self.document.filename), *(page.text for page in first)])
        return self._unit("document", 0, first[0].page, words, self._told(first[0]))

    def _told(self, page: PageRecord) -> dict[str, str | int | None]:
        return {
            "doc": self.document.filename,
            "title": self.extraction.title,
            "page_label": page.label,
            "language": self.extraction.language,
        }

    def _unit(
        self,
        kind: Kind,
        ordinal: int,
        page: int,
        words: str,
        told: dict[str, str | int | None],
        dense: Floats | None = None,
    ) -> Unit:
        language, written = self.extraction.language, self.extraction.date
        return Unit(
            id=self._id(kind, ordinal),
            kind=kind,
            document=DocumentId(self.document.doc_id),
            version=self.version,
            page=page,
            terms=terms(words, language),
            payload=told,
            dense=dense,
            language=language,
            date=written.date() if written else None,
        )

    def _id(self, kind: str, ordinal: int) -> uuid.UUID:
        return unit_id(self.tenant, self.document, self.fingerprint, kind, ordinal)


def passage(document: Document, page_text: str, content: str) -> str:
    """What is embedded for a chunk: its place in words, then its text."""
    return f"{prefix(document.filename, page_text)} {content}"


def prefix(filename: str, text: str) -> str:
    """`file name. the page's first lines.`: what tells a passage from those like it on other pages and documents."""
    lines = [line for line in text.splitlines() if line][:PREFIX_LINES]
    opening = " ".join(lines)[:PREFIX_CHARS].rstrip(" .")
    return f"{name_words(filename)}. {opening}."


def name_words(filename: str) -> str:
    """The words of a file's name."""
    return _SEPARATORS.sub(" ", stem(filename)).strip()
