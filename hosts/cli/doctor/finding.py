"""A finding: what was examined, how it is, and the command that mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True)
class Finding:
    """One line of the report. `remedy` is a command, or what to change where no command can help."""

    name: str
    state: State
    text: str
    remedy: str = ""


def ok(name: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(name, "ok", text)


def warning(name: str, text: str, remedy: str) -> Finding:
    """It works, and something will not, or not always."""
    return Finding(name, "warning", text, remedy)


def failed(name: str, text: str, remedy: str) -> Finding:
    """It does not work."""
    return Finding(name, "failed", text, remedy)


def summary(findings: Sequence[Finding]) -> str:
    """`21 checks: 19 ok, 2 warnings`."""
    counts = Counter(finding.state for finding in findings)
    parts = [f"{counts['ok']} ok"]
    if counts["warning"]:
        parts.append(f"{counts['warning']} warning{'s' if counts['warning'] > 1 else ''}")
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    return f"{len(findings)} checks: {', '.join(parts)}"
