"""Choose what is told of a document: the title, author and date that make sense, and warnings for its readers."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

TITLE_CHARS = 250
FIRST_LINE_CHARS = 120
LEAST_LETTERS = 3

_TOOL = re.compile(r"^(?:microsoft (?:office )?(?:word|powerpoint|excel)|word|powerpoint)\s*-\s*", re.IGNORECASE)
_FILE_NAME = re.compile(
    r"\.(?:docx?|pdf|pptx?|xlsx?|odt|rtf|txt|html?|tex|dvi|ps|eps|indd|qxd|pub|pages|fm|wpd|md)$", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"(?:untitled|no ?name|unknown|anonymous|none|null|n/?a|document|title|new document|word document|presentation|"
    r"powerpoint presentation|slide|user|admin|administrator|owner|author|default|home|index)[\s._-]*\d*",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s+")


def title(said: str | None, first_page: str, filename: str) -> str:
    """What the file says its title is when that makes sense, else the first line that could be one, else its name."""
    if said is not None:
        claimed = _TOOL.sub("", _clean(said))
        if is_sensible(claimed) and claimed.casefold() != filename.casefold():
            return claimed[:TITLE_CHARS].rstrip()
    lines = (_clean(line) for line in first_page.splitlines())
    first = next((line for line in lines if len(line) <= FIRST_LINE_CHARS and is_sensible(line)), None)
    return first or stem(filename)


def author(said: str | None) -> str | None:
    """Who the file says wrote it, unless that is nobody."""
    claimed = _clean(said or "")[:TITLE_CHARS]
    return claimed if is_sensible(claimed) else None


def date(said: str | datetime | None) -> datetime | None:
    """The time as one with a zone (UTC where none is given); None for what is no ISO 8601 date."""
    if isinstance(said, str):
        try:
            said = datetime.fromisoformat(said.strip())
        except ValueError:
            return None
    if said is None:
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def stem(filename: str) -> str:
    """The file's name without its ending."""
    return PurePosixPath(filename).stem or filename


def is_sensible(words: str) -> bool:
    """Whether people could have written this as a title or name: mostly letters, no file name, no placeholder."""
    marks = words.replace(" ", "")
    letters = sum(char.isalpha() for char in marks)
    weight = sum(2 if char >= "\u2e80" else 1 for char in marks if char.isalpha())
    return (
        weight >= LEAST_LETTERS
        and letters * 2 >= len(marks)
        and not _FILE_NAME.search(words)
        and not _PLACEHOLDER.fullmatch(words)
    )


def page_warnings(pages: int, empty: int, damaged: int, recognised: int = 0) -> tuple[str, ...]:
    """What a reader of `pages` pages should know of those without text; damaged ones count as empty, too."""
    warnings = []
    if damaged:
        warnings.append(f"{damaged} of {pages} pages are damaged and were left out")
    if recognised:
        warnings.append(
            f"{recognised} of {pages} pages are pictures whose words were recognised (OCR): they may be misread, and "
            "cannot be highlighted"
        )
    if empty > damaged:
        warnings.append(f"{empty - damaged} of {pages} pages have no text")
    return tuple(warnings)


def _clean(words: str) -> str:
    return _SPACE.sub(" ", words).strip()
