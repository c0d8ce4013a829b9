"""Pages, chunks and questions of a corpus, as ingestion makes them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runtime.caller import LOCAL_TENANT
from runtime.models.embedded import MiniLM
from runtime.pagetext import normalise
from runtime.pdfium import PdfFile
from runtime.records.contract import PageRecord
from runtime.sentences import sentences
from schemas.document import Document
from servers.ingestion.pages import Extraction
from servers.ingestion.settings import PROFILES
from servers.ingestion.split import split
from servers.ingestion.units import Maker, prefix


@dataclass(frozen=True)
class Profile:
    """How documents are cut: tokens of a chunk, and those it may share with the one before."""

    size: int
    overlap: int

    @property
    def name(self) -> str:
        """Both numbers."""
        return f"{self.size}/{self.overlap}"

    def __str__(self) -> str:
        return f"chunks of {self.name} tokens"


DEFAULT = Profile(*PROFILES["minilm"])
"""What ingestion uses unless it is told otherwise."""
LARGE = Profile(254, 50)
"""The most that the packaged model reads at once."""
MEASURED = (DEFAULT, LARGE)

QUESTION_WORDS = (12, 28)
"""Words of a question, at least and at most."""


def pages(path: Path) -> Iterator[PageRecord]:
    """The pages of a PDF that have text."""
    with PdfFile.open(path) as pdf:
        for number in range(1, pdf.page_count + 1):
            text, _ = normalise(pdf.page(number).text)
            if text:
                yield PageRecord(page=number, text=text, label=None, offsets=(), width=0.0, height=0.0)


def maker(path: Path) -> Maker:
    """What makes the units of a file, as its owner's."""
    now = datetime.now(UTC)
    document = Document(
        doc_id="doc_1", filename=path.name, status="processing", sha256="0" * 64, created_at=now, updated_at=now
    )
    told = Extraction(pages=1, paging="exact", title=path.stem, author=None, date=None, language="en", warnings=())
    return Maker(LOCAL_TENANT, document, "benchmark", told)


def passages(files: Iterable[Path], profile: Profile, most: int) -> list[str]:
    """What is embedded of the chunks of some files, at most so many, from all over them."""
    tokens = MiniLM().token_spans
    found: list[str] = []
    for path in files:
        read = list(pages(path))
        texts = {page.page: page.text for page in read}
        for piece in split(read, tokens, size=profile.size, overlap=profile.overlap):
            found.append(f"{prefix(path.name, texts[piece.page])} {piece.content}")
    return found if len(found) <= most else random.Random(1).sample(found, most)


def questions(texts: Sequence[str], count: int) -> list[str]:
    """Questions in the words of the texts, as long as people's about long reports; no two are the same."""
    chance, asked = random.Random(2), dict[str, None]()
    while len(asked) < count:
        words: list[str] = []
        wanted = chance.randint(*QUESTION_WORDS)
        while len(words) < wanted:
            text = chance.choice(texts)
            start, end = chance.choice(sentences(text))
            words += text[start:end].split()
        asked[f"What {' '.join(words[:wanted])}?"] = None
    return list(asked)
