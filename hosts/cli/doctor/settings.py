"""The settings: wrong values by name, names that nobody knows, and everything that is not at its default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from hosts.cli.knobs import Fault, Knob, names_given, settled, unknown
from runtime.federation import settings_classes


def values(knobs: Sequence[Knob], faults: Sequence[Fault]) -> list[Finding]:
    """Each wrong value, or what is set."""
    if faults:
        remedy = "agentrag settings --changed shows where it is set"
        return [failed("settings", f"{fault.variable}: {fault.reason}", remedy) for fault in faults]
    changed = [f"{knob.variable}={knob.value}" for knob in knobs if knob.source != "default"]
    return [ok("settings", ", ".join(changed) or "all at their defaults")]


def names(strange: Mapping[str, str]) -> list[Finding]:
    """Each name that is no setting."""
    found = []
    for name, meant in strange.items():
        remedy = f"unset {name}" + (f", and set {meant}" if meant else "")
        found.append(warning("settings", f"{name} is no setting" + (f"; {meant} is one" if meant else ""), remedy))
    return found


def examined(data: Path | None) -> Iterator[Finding]:
    """Look at the settings."""
    knobs, faults = settled(settings_classes(), data)
    yield from values(knobs, faults)
    yield from names(unknown(names_given(), [knob.variable for knob in knobs]))
