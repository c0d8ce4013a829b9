"""`agentrag settings`: every setting, its value, where that comes from, and what it is for."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from cyclopts import Parameter

from hosts.cli.console import Console, Exit, one_line
from hosts.cli.knobs import Knob, names_given, settled, unknown
from hosts.cli.options import FLAG, AsJson, Data
from runtime.federation import settings_classes


def lines(knob: Knob) -> str:
    """A setting as text: its line, then what it is for."""
    value = one_line(knob.value) or "(not set)"
    origin = f"from {'the ' if knob.source == 'environment' else ''}{knob.source}"
    return f"{knob.variable} = {value}  [{'default' if knob.source == 'default' else origin}]\n    {knob.about}"


def shown(knob: Knob) -> dict[str, object]:
    """A setting as JSON."""
    return {
        "variable": knob.variable,
        "value": knob.value,
        "source": knob.source,
        "default": knob.default,
        "used_by": list(knob.used_by),
        "about": knob.about,
    }


def settings(
    words: Annotated[list[str] | None, Parameter(help="Only settings whose name holds one of these words.")] = None,
    /,
    *,
    changed: Annotated[bool, FLAG, Parameter(help="Only settings that are not at their default.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> Exit:
    """Show every setting, its value, where that comes from, and what it is for."""
    console = Console()
    knobs, faults = settled(settings_classes(), data)
    strange = unknown(names_given(), [knob.variable for knob in knobs])
    kept = [
        knob
        for knob in knobs
        if (not changed or knob.source != "default")
        and (not words or any(word.upper() in knob.variable for word in words))
    ]
    if as_json:
        bad = {fault.variable: fault.reason for fault in faults}
        console.json({"settings": [shown(knob) for knob in kept], "faults": bad, "unknown": strange})
    else:
        _tell(kept, console)
    for fault in faults:
        console.say(f"error: {fault.variable}: {fault.reason}")
    for name, meant in strange.items():
        console.say(f"warning: {name} is no setting{f'; did you mean {meant}?' if meant else ''}")
    return Exit.USAGE if faults else Exit.OK


def _tell(knobs: list[Knob], console: Console) -> None:
    """Show settings below the names of those who use them."""
    for users, group in groupby(knobs, key=lambda knob: ", ".join(knob.used_by)):
        console.data(f"For {users}:")
        for knob in group:
            console.data(lines(knob))
        console.data("")
