"""Where each MCP client keeps its configuration: by system, scope and the environment, without looking at the disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

from runtime.errors import InvalidInputError

Scope = Literal["user", "project"]
ClientName = Literal["claude-desktop", "claude-code", "cursor", "vscode", "gemini", "goose"]
CLAUDE_PACKAGE = "Claude_"
"""How the name of Claude Desktop's Windows package begins; a packaged app has an application folder of its own."""
PROJECT_FILES = {
    "claude-code": ".mcp.json",
    "cursor": ".cursor/mcp.json",
    "vscode": ".vscode/mcp.json",
    "gemini": ".gemini/settings.json",
}
"""Files below a project's folder, for the clients that read such."""


@dataclass(frozen=True)
class Machine:
    """What decides where files are. `packages` are the names of installed Windows packages."""

    system: Literal["darwin", "win32", "linux"]
    home: PurePath
    project: PurePath
    environ: Mapping[str, str]
    packages: tuple[str, ...] = ()

    @classmethod
    def this(cls) -> Machine:
        """The machine that this runs on; the project is the working folder."""
        system: Literal["darwin", "win32", "linux"] = (
            "darwin" if sys.platform == "darwin" else "win32" if sys.platform == "win32" else "linux"
        )
        machine = cls(system, Path.home(), Path.cwd(), os.environ)
        folder = Path(machine.local / "Packages")
        packages = sorted(entry.name for entry in folder.glob(f"{CLAUDE_PACKAGE}*")) if system == "win32" else []
        return cls(system, machine.home, machine.project, machine.environ, tuple(packages))

    @property
    def local(self) -> PurePath:
        """Windows: application data that stays on the machine."""
        return self._named("LOCALAPPDATA", self.home / "AppData" / "Local")

    @property
    def roaming(self) -> PurePath:
        """Windows: application data."""
        return self._named("APPDATA", self.home / "AppData" / "Roaming")

    @property
    def config(self) -> PurePath:
        """Configuration as the XDG base directories have it."""
        return self._named("XDG_CONFIG_HOME", self.home / ".config")

    @property
    def applications(self) -> PurePath:
        """Where desktop applications keep their settings on this system."""
        match self.system:
            case "darwin":
                return self.home / "Library" / "Application Support"
            case "win32":
                return self.roaming
            case _:
                return self.config

    def _named(self, variable: str, default: PurePath) -> PurePath:
        named = self.environ.get(variable)
        return type(self.home)(named) if named else default


def configuration_of(client: ClientName, scope: Scope, machine: Machine) -> PurePath:
    """The file in which `client` looks for MCP servers. Raises InvalidInputError when it has no such scope."""
    if scope == "user":
        return _of_user(client, machine)
    if client not in PROJECT_FILES:
        raise InvalidInputError(f"{client} reads no files of a project; use --scope user")
    return machine.project / PROJECT_FILES[client]


def _of_user(client: ClientName, machine: Machine) -> PurePath:
    match client:
        case "claude-desktop":
            return _claude_desktop(machine) / "claude_desktop_config.json"
        case "claude-code":
            named = machine.environ.get("CLAUDE_CONFIG_DIR")
            return (type(machine.home)(named) if named else machine.home) / ".claude.json"
        case "cursor":
            return machine.home / ".cursor" / "mcp.json"
        case "vscode":
            return machine.applications / "Code" / "User" / "mcp.json"
        case "gemini":
            return machine.home / ".gemini" / "settings.json"
        case "goose" if machine.system == "win32":
            return machine.roaming / "Block" / "goose" / "config" / "config.yaml"
        case "goose":
            return machine.config / "goose" / "config.yaml"


def _claude_desktop(machine: Machine) -> PurePath:
    """Its folder; on Windows that of the package, which a packaged app sees in place of the roaming one."""
    packaged = [name for name in machine.packages if name.startswith(CLAUDE_PACKAGE)]
    if machine.system == "win32" and packaged:
        return machine.local / "Packages" / packaged[-1] / "LocalCache" / "Roaming" / "Claude"
    return machine.applications / "Claude"
