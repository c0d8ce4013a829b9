"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

FLAG = Parameter(negative="", show_default=False)
"""A switch that is off unless named."""

Data = Annotated[
    Path | None,
    Parameter(name="--data", help="Data folder; by default AGENTRAG_DATA, or this user's folder for application data."),
]
AsJson = Annotated[bool, FLAG, Parameter(name="--json", help="Print one JSON value on stdout.")]
Verbose = Annotated[
    bool, FLAG, Parameter(name=["--verbose", "-v"], help="Tell each step on stderr, even when nobody watches.")
]
NoWait = Annotated[bool, FLAG, Parameter(name="--no-wait", help="Don't wait until documents are searchable.")]
