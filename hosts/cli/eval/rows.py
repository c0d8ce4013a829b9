"""Rows of a run: made a few at a time, kept in the order of the lines that ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from hosts.cli.console import Console
from hosts.cli.eval.lines import Line
from hosts.cli.eval.meter import meter
from hosts.cli.eval.run_file import Row
from runtime.errors import InvalidInputError

AT_ONCE = 4
"""Lines that are worked on at the same time."""


class Asked(Protocol):
    """Whatever was read from a line."""

    @property
    def line(self) -> Line:
        """The line."""


A = TypeVar("A", bound=Asked)


async def rows(
    console: Console, what: str, asked: Sequence[A], answered: Callable[[A], Awaitable[Row]], empty: Callable[[A], Row]
) -> list[Row]:
    """A row for each of `asked`, in order; one that the agents refuse is told of and gets its empty row.

    Raises whatever else goes wrong: what is left would be no measurement.
    """
    free = asyncio.Semaphore(AT_ONCE)
    with meter(console, what, len(asked)) as advance:

        async def row(one: A) -> Row:
            async with free:
                try:
                    return await answered(one)
                except InvalidInputError as error:
                    console.say(f"warning: line {one.line.number} has no result: {error}")
                    return empty(one)
                finally:
                    advance(1)

        tasks = [asyncio.create_task(row(one)) for one in asked]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
