"""The machine: Python and packages, memory, open files, clock, loopback, and programs that are used when present."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from hosts.cli.progress import spoken_size
from runtime import loopback
from runtime.errors import SettingsError

MEMORY_NEEDED, MEMORY_WISHED = 400_000_000, 1_000_000_000
"""Bytes: what the federation takes on a small library, and what leaves room for large documents."""
FILES_NEEDED, FILES_WISHED = 256, 1024
RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock can be right that is before this."""
CGROUP = Path("/sys/fs/cgroup")


def python(running: str, wanted: str) -> Finding:
    """Whether this Python is one that the package names."""
    if running in SpecifierSet(wanted, prereleases=True):
        return ok("python", running)
    return failed("python", f"{running} runs, {wanted} is needed", "uv python install 3.11, then uv sync")


def packages(wanted: Sequence[str], installed: Mapping[str, str | None]) -> Finding:
    """Whether what the package depends on is there, in versions that fit; `installed` has None for what is not."""
    wrong = []
    for requirement in map(Requirement, wanted):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        found = installed.get(requirement.name)
        if found is None:
            wrong.append(f"{requirement.name} is missing")
        elif not requirement.specifier.contains(found, prereleases=True):
            wrong.append(f"{requirement.name} is {found} where {requirement.specifier} is needed")
    if wrong:
        return failed("packages", "; ".join(wrong), "uv sync, or: pip install --upgrade agentrag")
    return ok("packages", f"agentrag {installed.get('agentrag')}, {len(wanted)} packages that it needs")


def memory(available_bytes: int | None) -> Finding:
    """Whether the federation fits; None when this system does not tell."""
    if available_bytes is None:
        return ok("memory", "not told by this system")
    text = f"{spoken_size(available_bytes)} available"
    if available_bytes < MEMORY_NEEDED:
        return failed("memory", f"{text}, {spoken_size(MEMORY_NEEDED)} needed", "end other programs, or allow it more")
    if available_bytes < MEMORY_WISHED:
        remedy = "AGENTRAG_DOCUMENTS_AT_ONCE=1 keeps ingestion small"
        return warning("memory", f"{text}; large documents want {spoken_size(MEMORY_WISHED)}", remedy)
    return ok("memory", text)


def open_files(limit: int) -> Finding:
    """Whether enough files and sockets may be open at a time."""
    if limit < FILES_NEEDED:
        return failed("open files", f"at most {limit}, {FILES_NEEDED} needed", f"ulimit -n {FILES_WISHED}")
    if limit < FILES_WISHED:
        return warning("open files", f"at most {limit}; many readers need more", f"ulimit -n {FILES_WISHED}")
    return ok("open files", f"at most {limit}")


def clock(now: datetime, newest: datetime | None) -> Finding:
    """Whether the clock is before the program, or before what was written last; tokens live for a minute."""
    if now < RELEASED:
        return failed("clock", f"{now:%Y-%m-%d %H:%M} UTC", "timedatectl set-ntp true")
    if newest is not None and (newest - now).total_seconds() > 60:
        text = f"{now:%Y-%m-%d %H:%M} UTC, and the data folder was written at {newest:%Y-%m-%d %H:%M}"
        return warning("clock", text, "timedatectl set-ntp true")
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def tesseract(place: str | None) -> Finding:
    """Whether pages without a text layer could be read; nobody has to have it."""
    if place is None:
        return ok("tesseract", "not installed, and not needed unless pages without a text layer are to be read")
    return ok("tesseract", place)


def loopback_up() -> Finding:
    """Whether the agents can meet on 127.0.0.1."""
    try:
        loopback.ensure_up()
    except SettingsError as error:
        return failed("loopback", str(error), "ip link set lo up")
    return ok("loopback", "127.0.0.1 is up")


def available_bytes(proc: Path = Path("/proc"), cgroup: Path = CGROUP) -> int | None:
    """Memory that a new program could take: of the machine, or of the container when that is less."""
    try:
        lines = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines())
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        limit = int((cgroup / "memory.max").read_text())
        return min(free, limit - int((cgroup / "memory.current").read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return free


def newest_change(folder: Path) -> datetime | None:
    """When something directly in `folder` was written last."""
    times = [entry.stat().st_mtime for entry in os.scandir(folder) if entry.is_file()] if folder.is_dir() else []
    return datetime.fromtimestamp(max(times), UTC) if times else None


def examined(data: Path | None) -> Iterator[Finding]:
    """Look at the machine."""
    wanted = requires("agentrag") or []
    names = ["agentrag", *(Requirement(line).name for line in wanted)]
    yield python(platform.python_version(), metadata("agentrag")["Requires-Python"])
    yield packages(wanted, {name: _version(name) for name in names})
    yield memory(available_bytes())
    yield open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    yield clock(datetime.now(UTC), None if data is None else newest_change(data))
    yield loopback_up()
    yield tesseract(shutil.which("tesseract"))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
