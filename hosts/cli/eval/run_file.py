"""The run file: what the agents said, one JSON object a question, there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import InvalidInputError

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RunFile:
    """Where the rows of a run go."""

    path: Path

    @classmethod
    def at(cls, path: Path, inputs: Iterable[Path]) -> RunFile:
        """A run file that can be written. Raises InvalidInputError before any work is done when it cannot."""
        if path.is_dir():
            raise InvalidInputError(f"--out {path} is a folder; name a file in it")
        if any(path.exists() and given.exists() and path.samefile(given) for given in inputs):
            raise InvalidInputError(f"--out {path} is one of the files that are read; choose another name")
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise InvalidInputError(f"--out {path}: its folder is not there or not writable; make it first")
        return cls(path)

    def write(self, rows: Iterable[Row]) -> None:
        """Put the rows in the place of whatever the file held. Raises InvalidInputError when that fails."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with draft.open("w", encoding="utf-8", newline="\n") as file:
                for row in rows:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
            draft.replace(self.path)
        except OSError as error:
            raise InvalidInputError(f"--out {self.path} cannot be written: {error.strerror}") from error
        finally:
            draft.unlink(missing_ok=True)
