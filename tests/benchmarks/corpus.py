"""The documents that benchmarks work on: PDFs of a folder, or reports of our own making, every word invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, islice
from pathlib import Path

Line = list[tuple[float, str]]
"""Words of a line and how far from the left each begins, points."""

OWN_PAGES = (12, 30, 60, 85)
"""Pages of the documents of our own making; the last one is as long as a yearly report."""
QUICK_PAGES = (3,)
LONG_REPORT = (57, 110)
"""Pages that a yearly report has, at least and at most."""
USUAL_REPORT = 85

FONT, SIZE, LEADING = "Vera", 9, 14
"""The font comes with reportlab. It is embedded, and each word placed on its own, as printed reports have it."""
LEFT, TOP, WIDTH, LINES = 54, 740, 504, 46
"""The block of text on a page, points; some 550 words."""

SUBJECTS = (
    "the board", "our mill division", "the company", "each subsidiary", "the audit committee", "management",
    "the northern plant", "a lender", "the pension fund", "our largest customer", "the harbour terminal",
    "the research group", "a joint venture", "the licensing unit", "the board of trustees", "net revenue",
    "operating income", "the effective tax rate", "working capital", "deferred maintenance", "the grain index",
)  # fmt: skip
VERBS = (
    "approved", "reported", "increased", "deferred", "acquired", "estimated", "recognised", "reclassified", "expects",
    "amortised", "hedged", "wrote down", "renewed", "disclosed", "reviewed", "settled", "refinanced", "consolidated",
)  # fmt: skip
OBJECTS = (
    "the lease of its storage silos", "a revolving credit facility", "goodwill of the bakery segment",
    "inventories valued at the lower of cost and market", "share-based compensation", "the milling equipment",
    "contingent liabilities from product returns", "a restructuring programme", "foreign currency forwards",
    "the remaining performance obligations", "capital expenditures for new rollers", "dividends per ordinary share",
    "long-term supply agreements", "unrecognised tax benefits", "environmental remediation of the old quay",
    "trade receivables from wholesale partners", "research into low-dust grinding", "the depreciation of vehicles",
)  # fmt: skip
TAILS = (
    "compared with the prior year", "as described in note {note}", "in the {quarter} quarter", "of {amount} million",
    "or {percent} percent of total assets", "subject to customary conditions", "under the agreement of {year}",
    "because harvests were late in {count} regions", "which is not expected to be material", "net of {amount} million",
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """Files, and whether they are of our own making."""

    files: tuple[Path, ...]
    is_own: bool

    @classmethod
    def of(cls, folder: Path) -> Corpus:
        """The PDFs of a folder. Raises: ValueError when there are none."""
        files = tuple(sorted(folder.expanduser().glob("*.pdf")))
        if not files:
            raise ValueError(f"{folder} has no *.pdf; name a folder that has, or leave --corpus out")
        return cls(files, is_own=False)

    @classmethod
    def made(cls, folder: Path, pages: Sequence[int] = OWN_PAGES) -> Corpus:
        """Reports of our own making, written to `folder`."""
        return cls(tuple(made_pdf(folder, count) for count in pages), is_own=True)

    def report(self) -> tuple[Path, int]:
        """A file about as long as a yearly report, and its pages; the longest one when none is."""
        counted = [(path, pages_of(path)) for path in self.files]
        least, most = LONG_REPORT
        fitting = [one for one in counted if least <= one[1] <= most]
        return min(fitting or counted, key=lambda one: abs(one[1] - USUAL_REPORT))


def pages_of(path: Path) -> int:
    """How many pages a PDF has."""
    from runtime.pdfium import PdfFile

    with PdfFile.open(path) as pdf:
        return pdf.page_count


def made_pdf(folder: Path, pages: int, seed: int = 1) -> Path:
    """A report of so many pages; the same arguments give the same words. It is made once per folder."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    path = folder / f"report-{pages}-{seed}.pdf"
    if path.exists():
        return path
    pdfmetrics.registerFont(TTFont(FONT, "Vera.ttf"))
    chance = random.Random(1000 * seed + pages)
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    canvas = Canvas(str(unfinished), pagesize=(612, 792), invariant=1)
    width = cache(lambda word: pdfmetrics.stringWidth(word, FONT, SIZE))
    for number in range(1, pages + 1):
        text = canvas.beginText()
        text.setFont(FONT, SIZE)
        for at, line in enumerate(islice(_page(number, chance, width), LINES)):
            for x, word in line:
                text.setTextOrigin(LEFT + x, TOP - LEADING * at)
                text.textOut(word)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    unfinished.rename(path)
    return path


def _page(number: int, chance: random.Random, width: Callable[[str], float]) -> Iterator[Line]:
    """Endless lines of a page: a heading, on every fourth page a table, then justified sentences."""
    yield [(0, f"Note {number}. {chance.choice(OBJECTS).capitalize()}")]
    if number % 4 == 0:
        for _ in range(12):
            figures = [(270 + 80 * column, f"{chance.randint(10, 99_999):,}") for column in range(3)]
            yield [(0, chance.choice(OBJECTS).capitalize()), *figures]
    line: list[str] = []
    taken = 0.0
    while True:
        for word in sentence(chance).split():
            if taken + width(word) + 3 * len(line) > WIDTH:
                gap = (WIDTH - taken) / max(len(line) - 1, 1)
                ends = accumulate((width(one) + gap for one in line), initial=0.0)
                yield list(zip(ends, line, strict=False))
                line, taken = [], 0.0
            line.append(word)
            taken += width(word)


def sentence(chance: random.Random) -> str:
    """An invented sentence of such a report."""
    parts = [chance.choice(SUBJECTS), chance.choice(VERBS), chance.choice(OBJECTS)]
    for tail in chance.sample(TAILS, chance.randint(1, 3)):
        parts.append(
            tail.format(
                note=chance.randint(1, 30),
                quarter=chance.choice(("first", "second", "third", "fourth")),
                amount=f"{chance.randint(1, 9_999)}.{chance.randint(0, 9)}",
                percent=f"{chance.randint(1, 99)}.{chance.randint(0, 9)}",
                year=chance.randint(1998, 2026),
                count=chance.randint(2, 14),
            )
        )
    return f"{' '.join(parts).capitalize()}."
