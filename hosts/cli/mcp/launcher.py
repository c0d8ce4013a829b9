"""Start the `agentrag` that is installed on this machine as an MCP server. Stands alone: a bundle carries this file.

Runs on any Python 3.8 or newer with nothing else installed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence

COMMAND, DATA = "AGENTRAG_BUNDLE_COMMAND", "AGENTRAG_BUNDLE_DATA"
"""What the user may set in the client: where `agentrag` is, and the data folder."""
USUAL = (
    "~/.local/bin/agentrag",
    "~/.local/share/uv/tools/agentrag/bin/agentrag",
    "~/.local/share/pipx/venvs/agentrag/bin/agentrag",
    "/opt/homebrew/bin/agentrag",
    "/usr/local/bin/agentrag",
)
"""Where installers put it. Desktop apps have a short search path, often without these."""
MISSING = 3


def setting(environ: Mapping[str, str], name: str) -> str | None:
    """What the user set; clients leave the placeholder of an empty setting as it is."""
    value = environ.get(name, "").strip()
    return None if not value or value.startswith("${") else os.path.expanduser(value)


def places(environ: Mapping[str, str], usual: Sequence[str] = USUAL) -> list[str]:
    """Where `agentrag` may be, the likeliest first."""
    told = [setting(environ, COMMAND), shutil.which("agentrag", path=environ.get("PATH"))]
    return [*(place for place in told if place), *map(os.path.expanduser, usual)]


def command(environ: Mapping[str, str], usual: Sequence[str] = USUAL) -> list[str] | None:
    """The words that start the server, None when `agentrag` is in none of its places."""
    data = setting(environ, DATA)
    for place in places(environ, usual):
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return [place, "mcp", "stdio", *(["--data", data] if data else [])]
    return None


def main(usual: Sequence[str] = USUAL) -> int:
    """Become the server; say what to install when it is not there."""
    words = command(os.environ, usual)
    if words is not None:
        os.execv(words[0], words)  # noqa: S606
    looked = "\n  ".join(places(os.environ, usual))
    sys.stderr.write(
        "AgentRAG is not installed. Run `uv tool install agentrag`, or set its place in the settings of this "
        f"extension. Looked for it at:\n  {looked}\n"
    )
    return MISSING


if __name__ == "__main__":
    sys.exit(main())
