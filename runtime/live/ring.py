"""A bounded run of entries in the order of their ids; the oldest give way to the newest."""

from __future__ import annotations

import re
import sys
from collections import deque
from itertools import islice

from runtime.errors import ConflictError, StreamLostError
from runtime.live.contract import Entry

_ID = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})", re.ASCII)
ATTEMPTS = 64
"""Attempts whose ids are still understood."""


class Ring:
    """Entries by position: 0 is the first that ever was, `first` the oldest that is held, `end` the next to come."""

    def __init__(self, max_entries: int, max_bytes: int) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._held: deque[Entry] = deque()
        self._starts: dict[int, int] = {}
        self.attempt = 0
        self.bytes_held = 0
        self.first = 0

    @property
    def end(self) -> int:
        """Position of the next entry."""
        return self.first + len(self._held)

    def append(self, data: str, attempt: int) -> Entry:
        """Add an entry and return it; the newest is held however large it is.

        Raises: ConflictError for an attempt that a later one has replaced.
        """
        if attempt < self.attempt:
            raise ConflictError(f"attempt {attempt} was replaced by attempt {self.attempt}; stop writing")
        if attempt > self.attempt:
            self.attempt = attempt
            self._starts[attempt] = self.end
            if len(self._starts) > ATTEMPTS:
                del self._starts[next(iter(self._starts))]
        entry = Entry(f"{attempt}.{self.end - self._starts[attempt] + 1}", data)
        self._held.append(entry)
        self.bytes_held += sys.getsizeof(data)
        while len(self._held) > 1 and (len(self._held) > self._max_entries or self.bytes_held > self._max_bytes):
            self.bytes_held -= sys.getsizeof(self._held.popleft().data)
            self.first += 1
        return entry

    def after(self, entry_id: str) -> int | None:
        """The position behind this id; None when it was never given or something behind it is gone."""
        parts = _ID.fullmatch(entry_id)
        if parts is None:
            return None
        attempt, seq = int(parts[1]), int(parts[2])
        start = self._starts.get(attempt)
        if start is None or seq < 1:
            return None
        end = next((later for number, later in self._starts.items() if number > attempt), self.end)
        behind = start + seq
        return behind if self.first <= behind <= end else None

    def since(self, position: int, limit: int) -> list[Entry]:
        """Up to `limit` entries from a position on. Raises StreamLostError when the first of them is gone."""
        if position < self.first:
            raise StreamLostError(
                f"{self.first - position} events went by unread and are no longer held; read again from the start"
            )
        start = position - self.first
        return list(islice(self._held, start, start + limit))
