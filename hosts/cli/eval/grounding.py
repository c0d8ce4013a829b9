"""`agentrag eval grounding`: whether references support claims, as the citation agent judges it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hosts.cli.console import Console, Exit
from hosts.cli.eval.bench import Bench, bench
from hosts.cli.eval.lines import Line, read, refuse_repeats
from hosts.cli.eval.measure import OutPath
from hosts.cli.eval.rows import rows
from hosts.cli.eval.run_file import Row, RunFile
from runtime.errors import InvalidInputError
from schemas.skills import CLAIM_CHARS, MOST_REFERENCES, VERIFY, Verify

PairsPath = Annotated[
    Path, Parameter(name="--pairs", help='JSON lines {"id", "claim", "references"}; references is a list of texts.')
]


@dataclass(frozen=True)
class Pair:
    """A claim and what is said to support it."""

    id: str | int
    claim: str
    references: tuple[str, ...]
    line: Line

    @classmethod
    def of(cls, line: Line) -> Pair:
        """The pair of a line. Raises InvalidInputError."""
        claim = line.text("claim").strip()
        if not claim:
            raise line.fault("the claim is empty; write one or remove the line")
        return cls(line.id(), claim, line.texts("references"), line)

    def asked(self) -> Verify:
        """What the agent is asked. Raises InvalidInputError for a pair that it does not take."""
        if len(self.claim) > CLAIM_CHARS or len(self.references) > MOST_REFERENCES:
            raise InvalidInputError(
                f"the claim has {len(self.claim)} characters and {len(self.references)} references; "
                f"the limits are {CLAIM_CHARS} and {MOST_REFERENCES}"
            )
        return Verify(claim=self.claim, references=self.references)


def pairs_of(path: Path) -> Sequence[Pair]:
    """The pairs of a file in order. Raises InvalidInputError that names the line at fault."""
    found = [Pair.of(line) for line in read(path)]
    refuse_repeats([(pair.line, pair.id) for pair in found])
    return found


async def grounding(*, pairs: PairsPath, out: OutPath) -> Exit:
    """Write down for each pair whether its references support its claim, and how well."""
    console = Console()
    run, asked = RunFile.at(out, (pairs,)), pairs_of(pairs)
    async with bench(None, console) as on:
        began = time.perf_counter()
        judged = await rows(console, "pairs", asked, lambda pair: _row(on, pair), _empty)
        ended = time.perf_counter()
    run.write(judged)
    console.say(f"{len(judged)} pairs in {ended - began:.1f} s; the run is in {out}")
    return Exit.OK


async def _row(on: Bench, pair: Pair) -> Row:
    verdict = await on.call(VERIFY, pair.asked())
    return {"id": pair.id, "label": "supported" if verdict.supported else "unsupported", "score": verdict.score}


def _empty(pair: Pair) -> Row:
    return {"id": pair.id, "label": "unsupported", "score": 0.0}
