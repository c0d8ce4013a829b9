"""`agentrag mcp bundle`: a file that desktop apps install by a double click (.mcpb)."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Annotated, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from hosts.cli.main import version
from hosts.cli.mcp.entries import DESCRIPTION
from hosts.cli.mcp.install import kept_folder, program
from hosts.cli.mcp.launcher import COMMAND, DATA
from hosts.cli.options import FLAG, AsJson
from hosts.cli.options import Data as DataFolder
from runtime.errors import ConflictError, InvalidInputError
from schemas.skills import AGENTS

SPEC = "0.3"
"""Version of the manifest specification: the newest that is not experimental. Source: MCP Bundles, MANIFEST.md."""
ENTRY = "server/main.py"
SUFFIX = ".mcpb"
LONG_DESCRIPTION = """\
Ask your own documents. Five agents (retrieval, ingestion, synthesis, citation, monitoring) answer on your machine, \
and every sentence of an answer points at the page it came from.

The bundle starts the AgentRAG that is installed on this machine; it holds no copy of it and fetches nothing."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in a bundle, so that the same bundle has the same bytes."""


def bundle(
    *,
    out: Annotated[Path, Parameter(help="File to write.")] = Path("agentrag.mcpb"),
    portable: Annotated[bool, FLAG, Parameter(help="Name no path of this machine, to hand the bundle on.")] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> Exit:
    """Write a bundle that starts the installed `agentrag` as an MCP server."""
    console = Console()
    if out.suffix != SUFFIX:
        raise InvalidInputError(f"--out {str(out)!r} does not end in {SUFFIX}, by which apps know a bundle; let it")
    if portable and data is not None:
        raise InvalidInputError("--portable names no path, and --data is one; leave one of them out")
    defaults = {} if portable else local_defaults(data)
    content = packed(manifest(version(), defaults))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f".{out.name}.{os.getpid()}")
        draft.write_bytes(content)
        draft.replace(out)
    except OSError as error:
        raise ConflictError(f"{out} cannot be written ({error.strerror}); choose another --out") from error
    told = {
        "file": str(out.absolute()),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "manifest_version": SPEC,
        "version": version(),
    }
    if as_json:
        console.json(told)
    else:
        console.data(f"Wrote {told['file']} ({len(content)} bytes).")
        console.say("Open it with Claude Desktop, or drop it on its Settings, Extensions.")
    return Exit.OK


def local_defaults(data: Path | None) -> dict[str, str]:
    """The user's settings as this machine has them."""
    folder = kept_folder(data)
    return {"command": program(), **({"data": folder[1]} if folder else {})}


def manifest(of: str, defaults: dict[str, str]) -> dict[str, Any]:
    """The manifest of a bundle of version `of`, with `defaults` for the user's settings."""
    settings = {
        "command": {
            "type": "file",
            "title": "The agentrag command",
            "description": "Where `agentrag` is installed. Left empty, the usual places are searched.",
        },
        "data": {
            "type": "directory",
            "title": "Data folder",
            "description": "Where your documents are kept. Left empty, your folder for application data.",
        },
    }
    return {
        "manifest_version": SPEC,
        "name": "agentrag",
        "display_name": "AgentRAG",
        "version": of,
        "description": DESCRIPTION,
        "long_description": LONG_DESCRIPTION,
        "author": {"name": "AgentRAG"},
        "license": "Apache-2.0",
        "keywords": ["documents", "citations", "search", *AGENTS],
        "server": {
            "type": "python",
            "entry_point": ENTRY,
            "mcp_config": {
                "command": "python3",
                "args": [f"${{__dirname}}/{ENTRY}"],
                "env": {COMMAND: "${user_config.command}", DATA: "${user_config.data}"},
            },
        },
        "tools": [{"name": "ask", "description": "Answer a question from your own documents, with citations."}],
        "tools_generated": True,
        "prompts_generated": True,
        "compatibility": {"platforms": ["darwin", "linux"], "runtimes": {"python": ">=3.8"}},
        "user_config": {
            name: {**setting, "required": False, **({"default": defaults[name]} if name in defaults else {})}
            for name, setting in settings.items()
        },
    }


def packed(described: dict[str, Any]) -> bytes:
    """The bundle: a zip of the manifest and the launcher, the same bytes for the same manifest."""
    files = {
        "manifest.json": json.dumps(described, indent=2, ensure_ascii=False).encode() + b"\n",
        ENTRY: Path(__file__).with_name("launcher.py").read_bytes(),
    }
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_DEFLATED) as zipped:
        for name, content in files.items():
            info = ZipInfo(name, EPOCH)
            info.compress_type, info.external_attr = ZIP_DEFLATED, 0o644 << 16
            zipped.writestr(info, content)
    return made.getvalue()
