"""The page that shows citations inside an MCP client: one self-contained document made from the parts beside this."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_STYLE = re.compile(r'<link rel="stylesheet" href="([\w.]+)">')
_SCRIPT = re.compile(r'<script src="([\w.]+)"></script>')


@cache
def document() -> str:
    """The page with its style and scripts inside, so that showing it asks nobody for anything."""
    page = _STYLE.sub(lambda found: f"<style>\n{_part(found[1])}</style>", _part("view.html"))
    return _SCRIPT.sub(lambda found: f"<script>\n{_part(found[1])}</script>", page)


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
