"""Pages are drawn afresh and shown again from the cache, and the figures of both are told."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.corpus import Corpus
from tests.benchmarks.picturing import Shot, measured, report


async def test_each_page_is_drawn_and_then_shown_from_the_cache(tmp_path: Path):
    corpus = Corpus.made(tmp_path / "corpus", (3,))
    shots = await measured(corpus.files, 2, 1, tmp_path / "data")
    assert len({shot.what for shot in shots}) == 2
    for shot in shots:
        assert "918 x 1188" in shot.what
        assert shot.fresh_ms > shot.cached_ms > 0
        assert shot.size > 1000


def test_the_report_names_the_dearest_pages():
    told = report([Shot("made.pdf page 1", 40, 2, 2048), Shot("made.pdf page 2", 60, 4, 4096)])
    assert "2 pages at 108 dots an inch" in told
    assert "fresh, CPU ms   median   50.0" in told
    assert told.index("made.pdf page 2") < told.index("made.pdf page 1")
