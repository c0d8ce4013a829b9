"""Measure how surely quotes are placed on pages: `python -m tests.benchmarks.locating --corpus DIR`.

Sentences are sampled from PDFs by pypdf, the citation agent locates them, and poppler's `pdftotext -bbox` reads back
the words under the rectangles: neither of the two shares code with what placed them.

A sentence is sampled when it has 6 to 90 words, begins with a capital and ends with a full stop, most of its words are
words, pypdf ran no two words into one, and poppler too has its letters and digits in this order. The last two leave
out what pypdf itself scrambled; how many is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import structlog

from runtime import filekinds, intake
from runtime.backends import Backends
from runtime.call import Call
from runtime.caller import Caller
from runtime.compute.contract import Frame, Limits
from runtime.records.contract import PageRecord
from schemas.citation import Located, Rect
from schemas.message import VersionId
from schemas.skills import Locate
from servers.citation import server
from servers.citation.settings import CitationSettings
from tests.benchmarks.corpus import Corpus
from tests.benchmarks.measure import machine

FEWEST_WORDS, MOST_WORDS = 6, 90
WORDS_SHARE = 0.75
"""Share of a sentence's words that are made of letters; table rows have less."""
LONGEST_WORD = 24
"""Letters of a word beyond which two words are taken for run together."""
RIGHT = 0.95
"""Precision and recall, of letters and digits under the rectangles, from which they are right."""

_SENTENCE = re.compile(r"(?:(?<=[.?!]\s)|(?<=[.?!][”\"]\s))[A-Z](?:[^.?!]|\.(?=\S)){20,700}?[.?!](?=\s+[A-Z])")
_LEADERS = re.compile(r"(?:\.\s?){4,}|_{3,}")


@dataclass(frozen=True)
class Sample:
    """A sentence as pypdf has it."""

    path: Path
    page: int
    text: str


@dataclass(frozen=True)
class Word:
    """A word as poppler has it, and its middle as fractions of the page."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Outcome:
    """What became of a sample: where it was located, and what poppler reads there."""

    sample: Sample
    located: Located
    precision: float
    recall: float
    under: str

    @property
    def is_right(self) -> bool:
        """Whether the rectangles hold the sentence, all of it and nothing else."""
        return min(self.precision, self.recall) >= RIGHT

    @property
    def is_boxed(self) -> bool:
        """Whether there are rectangles at all."""
        return any(span.rects for span in self.located.spans)


def letters(text: str) -> str:
    """Letters and digits alone, folded, ligatures spelt out: what extractors agree on."""
    return "".join(char for char in unicodedata.normalize("NFKD", text).casefold() if char.isalnum())


# sampling ------------------------------------------------------------------------------------------------------------


def samples(files: Sequence[Path], count: int, seed: int, dropped: Counter[str]) -> list[Sample]:
    """So many sentences, from the files in turn, at most two of a page; `dropped` counts what was made of each."""
    chance = random.Random(seed)
    streams = [_of_file(path, random.Random(chance.random()), dropped) for path in files]
    found: list[Sample] = []
    while streams and len(found) < count:
        for stream in list(streams):
            sample = next(stream, None)
            if sample is None:
                streams.remove(stream)
            elif len(found) < count:
                found.append(sample)
    return found


def _of_file(path: Path, chance: random.Random, dropped: Counter[str]) -> Iterator[Sample]:
    from pypdf import PdfReader

    reader = PdfReader(path)
    order = list(range(1, len(reader.pages) + 1))
    chance.shuffle(order)
    for number in order:
        text = reader.pages[number - 1].extract_text()
        fit = [sentence for sentence in sentences(text) if not _scrambled(path, number, sentence, dropped)]
        for sentence in chance.sample(fit, min(2, len(fit))):
            yield Sample(path, number, sentence)


def sentences(text: str) -> Iterator[str]:
    """What is taken for a sentence of running text."""
    for found in _SENTENCE.finditer(text):
        sentence = " ".join(found[0].split())
        words = sentence.split()
        wordy = sum(word.strip("“”\"'’(),;:.").replace("-", "").isalpha() for word in words)
        is_running = FEWEST_WORDS <= len(words) <= MOST_WORDS and wordy >= WORDS_SHARE * len(words)
        if is_running and not _LEADERS.search(sentence):
            yield sentence


def _scrambled(path: Path, page: int, sentence: str, dropped: Counter[str]) -> bool:
    """Whether pypdf got the sentence wrong, as far as it can be told."""
    if any(len(part) > LONGEST_WORD for word in sentence.split() for part in re.split(r"\W+", word)):
        dropped["words run together"] += 1
        return True
    if letters(sentence) not in _reading(path, page):
        dropped["poppler reads it otherwise"] += 1
        return True
    dropped["kept"] += 1
    return False


# poppler -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def words_of(path: Path, page: int) -> tuple[Word, ...]:
    """The words of a page as it is seen, by poppler."""
    made = subprocess.run(
        ["pdftotext", "-bbox", "-cropbox", "-f", str(page), "-l", str(page), str(path), "-"],
        check=True,
        capture_output=True,
    )
    sheet = next(
        element
        for element in ElementTree.fromstring(re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"", made.stdout)).iter()
        if element.tag.endswith("page")
    )
    width, height = float(sheet.attrib["width"]), float(sheet.attrib["height"])
    return tuple(
        Word(
            word.text or "",
            (float(word.attrib["xMin"]) + float(word.attrib["xMax"])) / 2 / width,
            (float(word.attrib["yMin"]) + float(word.attrib["yMax"])) / 2 / height,
        )
        for word in sheet
    )


@lru_cache(maxsize=4096)
def _reading(path: Path, page: int) -> str:
    return letters("".join(word.text for word in words_of(path, page)))


def under(path: Path, page: int, rects: Sequence[Rect]) -> list[str]:
    """The words whose middle lies in a rectangle."""
    return [
        word.text
        for word in words_of(path, page)
        if any(r.x <= word.x <= r.x + r.width and r.y <= word.y <= r.y + r.height for r in rects)
    ]


def agreement(wanted: str, found: str) -> tuple[float, float]:
    """Precision and recall of the letters found, as a bag of runs of three: order within a line counts."""
    if not found or not wanted:
        return 0.0, 0.0
    here, there = _runs(found), _runs(wanted)
    common = (here & there).total()
    return common / max(1, here.total()), common / max(1, there.total())


def _runs(text: str) -> Counter[str]:
    return Counter(text[at : at + 3] for at in range(max(1, len(text) - 2)))


# the agent -----------------------------------------------------------------------------------------------------------


async def added(path: Path, on: Backends, caller: Caller) -> str:
    """Put a PDF into the library as ingestion reads it, and return its `doc_id`."""
    document, _ = await intake.accept(caller.tenant, path.name, path.read_bytes(), on, on.settings)
    pages = [page async for page in _pages(path, on)]
    version = VersionId(f"{document.doc_id}-measured")
    await on.records.versions.begin(
        caller.tenant, document.doc_id, version, sha256=document.sha256, fingerprint="locating"
    )
    await on.records.pages.put(caller.tenant, version, pages)
    await on.records.versions.activate(caller.tenant, document.doc_id, version, {"pages": len(pages)})
    return document.doc_id


async def _pages(path: Path, on: Backends) -> AsyncIterator[PageRecord]:
    """The pages as ingestion's own process reads them."""
    request: Frame = {"path": str(path), "filename": path.name, "media_type": filekinds.PDF}
    request |= {"max_pages": 100_000, "max_chars": 10**9, "ocr_languages": "eng", "ocr_pages": 0, "ocr_seconds": 0.0}
    child = on.compute.child("servers.ingestion.extract", Limits())
    async for frame in child.ask(request):
        for number, text, label, offsets, width, height in frame.get("texts", ()):
            runs = tuple((at, source, length) for at, source, length in offsets)
            yield PageRecord(number, text, label, runs, width, height)
    await child.close()


async def located(sample: Sample, doc_id: str, call: Call) -> Outcome:
    """Ask the agent, and have poppler read what lies under its rectangles."""
    found = await server.locate(Locate(doc_id=doc_id, quote=sample.text), call)
    there = "".join(word for span in found.spans for word in under(sample.path, span.page, span.rects))
    precision, recall = agreement(letters(sample.text), letters(there))
    return Outcome(sample, found, precision, recall, there)


async def measured(chosen: Sequence[Sample], data: Path) -> tuple[list[Outcome], list[float]]:
    """The outcome of each sample, and the seconds that each call took."""
    on = Backends(CitationSettings(data=data, _env_file=None))
    await on.open(("records", "blobs", "live", "compute"))
    caller = Caller.owner()
    try:
        ids = {path: await added(path, on, caller) for path in sorted({sample.path for sample in chosen})}
        outcomes, seconds = [], []
        for sample in chosen:
            began = time.perf_counter()
            outcomes.append(await located(sample, ids[sample.path], Call(caller, on)))
            seconds.append(time.perf_counter() - began)
        return outcomes, seconds
    finally:
        await on.close()


# the report ----------------------------------------------------------------------------------------------------------


def report(outcomes: Sequence[Outcome], seconds: Sequence[float], dropped: Counter[str]) -> str:
    """The figures as lines of text; what was missed or looks wrong is shown in full."""
    kinds = Counter(outcome.located.match for outcome in outcomes)
    boxed = [outcome for outcome in outcomes if outcome.is_boxed]
    odd = [outcome for outcome in boxed if not outcome.is_right]
    lost = [outcome for outcome in outcomes if not outcome.is_boxed]
    total = len(outcomes) or 1
    by_file = Counter(outcome.sample.path.name for outcome in outcomes)
    lines = [
        f"of {', '.join(f'{name} {count}' for name, count in by_file.items())}",
        f"sentences looked at: {dict(dropped)}",
        f"{len(outcomes)} sampled: exact {kinds['exact']}, fuzzy {kinds['fuzzy']}, not located {kinds['none']}"
        f" ({(total - kinds['none']) / total:.2%} located)",
        f"boxed {len(boxed)}; words under the boxes: precision {_mean([one.precision for one in boxed]):.4f}, "
        f"recall {_mean([one.recall for one in boxed]):.4f}; below {RIGHT} in either: {len(odd)}",
        f"on another page than sampled: {sum(one.located.spans[0].page != one.sample.page for one in boxed)}",
        f"a call: median {1000 * statistics.median(seconds or [0]):.0f} ms, longest {1000 * max(seconds or [0]):.0f}",
    ]
    for title, some in (("NO BOX", lost), ("TO LOOK AT", odd)):
        lines += [line for outcome in some for line in _shown(title, outcome)]
    return "\n".join(lines)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


def _shown(title: str, outcome: Outcome) -> Iterator[str]:
    sample, found = outcome.sample, outcome.located
    pages = [span.page for span in found.spans]
    yield f"{title} {sample.path.name} page {sample.page}: {found.match} {found.score} on {pages}"
    yield f"   wanted {sample.text}"
    yield f"   found  {' '.join(found.quote.split())}"
    yield f"   under  {outcome.under}  (precision {outcome.precision:.2f}, recall {outcome.recall:.2f})"


def options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.locating", description=__doc__)
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="PDFs to sample from (reports of our own making)")
    parser.add_argument("--sentences", type=int, default=300, metavar="N", help="how many (300)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another seed, another sample (1)")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = options()
    logging.getLogger("pypdf").setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if shutil.which("pdftotext") is None:
        sys.exit("locating: there is no pdftotext to read boxes back with; install poppler-utils")
    with tempfile.TemporaryDirectory(prefix="agentrag-locating-") as folder:
        corpus = Corpus.of(given.corpus) if given.corpus else Corpus.made(Path(folder) / "corpus")
        print(machine(), flush=True)
        dropped: Counter[str] = Counter()
        chosen = samples(corpus.files, given.sentences, given.seed, dropped)
        outcomes, seconds = asyncio.run(measured(chosen, Path(folder) / "data"))
    print(report(outcomes, seconds, dropped))


if __name__ == "__main__":
    main()
