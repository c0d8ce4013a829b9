"""`agentrag doctor`: examine the installation and name the command that mends each fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

from hosts.cli.console import Console, Exit, one_line
from hosts.cli.doctor import backends, federation, machine, model, settings, storage
from hosts.cli.doctor.finding import Finding, State, summary
from hosts.cli.federation import settings_of
from hosts.cli.interrupt import cancelled_by_interrupt
from hosts.cli.options import AsJson, Data
from runtime.errors import SettingsError
from runtime.federation import FolderLock
from runtime.settings import Settings

COLOURS: dict[State, str] = {"ok": "32", "warning": "33", "failed": "31"}
"""Green, yellow, red. Source: ECMA-48, SGR."""

OPENED = {"data folder", "records"}
"""What must be sound before backends are opened where they are: opening would bring older records up to date."""


def line(finding: Finding, *, coloured: bool) -> str:
    """A finding as text, its remedy below it."""
    state = f"{finding.state:<8}"
    if coloured:
        state = f"\033[{COLOURS[finding.state]}m{state}\033[0m"
    told = f"{state} {finding.name:<14} {one_line(finding.text)}"
    return f"{told}\n{'':<23} fix: {one_line(finding.remedy)}" if finding.remedy else told


async def examined(data: Path | None) -> AsyncIterator[Finding]:
    """Everything, one after the other; what needs readable settings is left out without them."""
    known: Settings | None
    try:
        known = settings_of(data, quiet=True)
    except SettingsError:
        known = None  # each wrong one has a line of its own
    for finding in machine.examined(known.data if known else None):
        yield finding
    for finding in settings.examined(data):
        yield finding
    if known is None:
        return
    in_place = known.data.is_dir()
    for finding in storage.examined(known):
        in_place = in_place and (finding.state == "ok" or finding.name not in OPENED)
        yield finding
    async for finding in model.examined(known):
        yield finding
    address = FolderLock(known.data).address() if in_place else None
    async for finding in federation.examined(known, address):
        yield finding
    if address is None:
        async for finding in backends.examined(known, in_place=in_place):
            yield finding


async def doctor(*, as_json: AsJson = False, data: Data = None) -> Exit:
    """Examine the installation and name the command that mends each fault."""
    from runtime import telemetry

    console, findings = Console(), []
    telemetry.configure("agentrag", Settings.model_construct(log_level="ERROR", otlp_endpoint=None))
    with cancelled_by_interrupt():
        async for finding in examined(data):
            findings.append(finding)
            if not as_json:
                console.data(line(finding, coloured=console.has_colour))
    has_failed = any(finding.state == "failed" for finding in findings)
    if as_json:
        console.json({"ok": not has_failed, "checks": [asdict(finding) for finding in findings]})
    else:
        console.data(f"\n{summary(findings)}")
    return Exit.FAILED if has_failed else Exit.OK
