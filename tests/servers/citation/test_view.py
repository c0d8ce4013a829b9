"""The view is one document that needs nothing but itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from servers.citation.view import document

ROOT = Path(__file__).parents[3]


def test_the_document_holds_its_style_and_scripts() -> None:
    page = document()
    assert page.startswith("<!doctype html>")
    assert page.count("<style>") == 1
    assert page.count("<script>") == 3
    assert "class Host" in page


def test_the_document_names_no_other_place_and_has_no_code_in_attributes() -> None:
    page = document()
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(", page)
    assert not re.search(r"<[^>]+\s(on\w+|style|src|href)=", page)
    assert "default-src 'none'" in page


def test_no_script_turns_text_into_markup_or_code() -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", document())


def test_the_built_wheel_carries_it(tmp_path: Path) -> None:
    wheel = built(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(wheel)!r}); from servers.citation import view; print(view.__file__); "
    code += "print(view.document())"
    shown = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    where, _, page = shown.stdout.partition("\n")
    assert where.startswith(str(wheel))
    assert page.strip() == document().strip()


def built(folder: Path) -> Path:
    """The project's wheel, built without the network where uv has the build backend already."""
    uv = os.environ.get("UV") or shutil.which("uv")
    command = [*([uv] if uv else [sys._base_executable, "-m", "uv"]), "build", "--wheel", "--quiet", "-o", str(folder)]
    for more in (["--offline"], []):
        done = subprocess.run([*command, *more], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
        if done.returncode == 0:
            break
    (wheel,) = folder.glob("*.whl")
    return wheel
