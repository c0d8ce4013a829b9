"""Read the words of pages that are mere pictures, by Tesseract where it is installed."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

PROGRAM = "tesseract"
PAGE_SECONDS = 60.0
"""Longest time for one page."""
BLANK_CONTRAST = 24
"""A page whose lightest and darkest grey differ by less than this of 255 has nothing to read."""


def is_installed() -> bool:
    """Whether pages can be recognised on this machine."""
    return shutil.which(PROGRAM) is not None


def is_blank(picture: Image) -> bool:
    """Whether there is nothing on a page."""
    darkest, lightest = picture.convert("L").getextrema()
    return int(lightest) - int(darkest) < BLANK_CONTRAST  # type: ignore[arg-type]


@dataclass
class Recognition:
    """Recognises pages until its budget of pages or seconds is spent; it has none where Tesseract is missing."""

    languages: str
    pages: int
    seconds: float

    def __post_init__(self) -> None:
        self._until = time.monotonic() + self.seconds
        self._left = self.pages if is_installed() else 0

    @property
    def is_possible(self) -> bool:
        """Whether another page may be tried."""
        return self._left > 0 and time.monotonic() < self._until

    def text(self, picture: Image) -> str:
        """The words on a page, in reading order; none when there are none, or when they cannot be made out."""
        if not self.is_possible or is_blank(picture):
            return ""
        self._left -= 1
        file = io.BytesIO()
        picture.convert("L").save(file, "PNG", compress_level=1)
        command = [PROGRAM, "stdin", "stdout", "-l", self.languages, "--psm", "3"]
        environment = {"OMP_THREAD_LIMIT": "1", "PATH": os.environ.get("PATH", os.defpath)}
        try:
            made = subprocess.run(
                command, input=file.getvalue(), capture_output=True, env=environment, timeout=PAGE_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return made.stdout.decode("utf-8", "replace").strip() if made.returncode == 0 else ""
