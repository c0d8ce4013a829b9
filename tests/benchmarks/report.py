"""What a suite found: rows of figures, and the promises that they keep or break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tests.benchmarks.case import Figure
from tests.benchmarks.measure import table

Row = dict[str, Any]


@dataclass(frozen=True)
class Bar:
    """A promise: `measured` is `kind` `target`; without a target, a figure worth comparing."""

    what: str
    measured: float
    kind: Literal["at least", "at most"] = "at least"
    target: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether it is kept."""
        if self.target is None:
            return True
        return self.measured >= self.target if self.kind == "at least" else self.measured <= self.target


@dataclass(frozen=True)
class Report:
    """One suite's. `about` names what was worked on, e.g. pages and the profile of the chunks."""

    suite: str
    about: str
    rows: Sequence[Row]
    bars: Sequence[Bar] = ()

    def shown(self) -> str:
        """The rows as people read them."""
        return f"{self.suite}: {self.about}\n{table(padded(self.rows))}"

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        bars = [{**asdict(bar), "is_met": bar.is_met} for bar in self.bars]
        return {"suite": self.suite, "about": self.about, "rows": list(self.rows), "bars": bars}


def padded(rows: Sequence[Row]) -> list[Row]:
    """Rows with the same columns, empty where a row has none."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in columns} for row in rows]


def row(case: str, figure: Figure, **more: Any) -> Row:
    """A row of a case; names in `more` are columns, with blanks for underscores."""
    extra = {name.replace("_", " "): value for name, value in more.items()}
    return {"case": case, "wall s": figure.wall, "CPU s": figure.cpu, "peak MB": round(figure.peak_mb), **extra}


def ratio(theirs: float, ours: float) -> float:
    """How many times as much theirs is."""
    return theirs / max(ours, 1e-9)


def summary(reports: Sequence[Report]) -> str:
    """All promises in one table."""
    rows: list[Mapping[str, Any]] = [
        {
            "suite": report.suite,
            "promise": bar.what,
            "measured": f"{bar.measured:.4g}",
            "target": "" if bar.target is None else f"{bar.kind} {bar.target:g}",
            "kept": "" if bar.target is None else "yes" if bar.is_met else "NO",
        }
        for report in reports
        for bar in report.bars
    ]
    return table(rows) if rows else "no promises were measured"
