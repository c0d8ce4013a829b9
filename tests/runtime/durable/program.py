"""A program of its own that runs one workflow: `python program.py <journal> <log>`; it may be killed at any time."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

from runtime.durable.contract import ActivityContext, Json, Task, WorkflowContext
from runtime.durable.embedded import EmbeddedDurable

RUN = "order-66"


def order(ctx: WorkflowContext, input: Json) -> Generator[Task, Any, Json]:
    """Three activities; the second one takes long the first time."""
    first = yield ctx.call_activity("note", {"step": 1, "sum": input["start"], "slow": False})
    second = yield ctx.call_activity("note", {"step": 2, "sum": first["sum"], "slow": True})
    third = yield ctx.call_activity("note", {"step": 3, "sum": second["sum"], "slow": False})
    return {"sum": third["sum"], "at": ctx.now.isoformat()}


async def main(journal: Path, notes: Path) -> None:
    """Start the run, or go on with it, and print how it ended."""

    async def note(context: ActivityContext, input: Json) -> Json:
        with notes.open("a") as file:
            file.write(json.dumps([input["step"], context.key, context.attempt]) + "\n")
        if input["slow"] and context.attempt == 1:
            print("slow", flush=True)
            await asyncio.sleep(600)
        return {"sum": input["sum"] + input["step"]}

    engine = await EmbeddedDurable.open(journal)
    engine.register({"order": order}, {"note": note})
    resumed = await engine.resume()
    await engine.start("order", RUN, {"start": 100})
    state = await engine.wait(RUN)
    print(json.dumps({"resumed": resumed, "status": state.status, "sum": (state.result or {}).get("sum")}), flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
