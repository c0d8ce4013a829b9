"""PDFium is not thread-safe: whatever threads do, one at a time is inside."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pypdfium2.raw
from reportlab.pdfgen.canvas import Canvas

from runtime.pdfium import PdfFile

CALLS = (
    "FPDF_LoadDocument",
    "FPDF_LoadPage",
    "FPDFText_LoadPage",
    "FPDFText_GetText",
    "FPDFText_GetCharAngle",
    "FPDFText_GetLooseCharBox",
    "FPDF_RenderPageBitmap",
    "FPDFText_ClosePage",
    "FPDF_ClosePage",
    "FPDF_CloseDocument",
)
"""Functions of PDFium that are looked at from within."""


def test_one_thread_at_a_time_is_inside_pdfium(tmp_path, monkeypatch):
    path = tmp_path / "made.pdf"
    canvas = Canvas(str(path), pagesize=(300, 200))
    canvas.drawString(40, 150, "alpha bravo charlie delta echo foxtrot")
    canvas.save()
    inside: set[int] = set()
    met: list[set[int]] = []

    def watched(call):
        def enter(*args):
            me = threading.get_ident()
            inside.add(me)
            time.sleep(0)  # have the other threads come
            met.append(set(inside))
            found = call(*args)
            inside.discard(me)
            return found

        return enter

    for name in CALLS:
        monkeypatch.setattr(pypdfium2.raw, name, watched(getattr(pypdfium2.raw, name)))

    def work(_):
        with PdfFile.open(path) as file:
            text = file.page(1).text
            return text, file.rects(1, [(6, 13)]), file.picture(1, 300), file.page_count

    with ThreadPoolExecutor(6) as threads:
        seen = list(threads.map(work, range(24)))
    assert all(one == seen[0] for one in seen)
    assert len(met) > 24 * len(CALLS)
    assert max(map(len, met)) == 1
    assert len({thread for threads_met in met for thread in threads_met}) > 1
