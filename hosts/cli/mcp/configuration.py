"""A client's configuration file: read whole, changed in one place, replaced at once, with a copy of what it was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import unified_diff
from pathlib import Path
from typing import Any, Literal

from hosts.cli.mcp import jsonc, yamlfile
from hosts.cli.mcp.entries import is_ours, merged
from runtime.errors import ConflictError

BOM = "\ufeff"
PRIVATE = 0o600
"""Who may read a new file: its owner alone, for headers may hold tokens."""


@dataclass(frozen=True)
class Configuration:
    """The text of a configuration file as it is now, None when there is no such file."""

    path: Path
    format: Literal["json", "yaml"]
    text: str | None

    @classmethod
    def read(cls, path: Path, format_: Literal["json", "yaml"]) -> Configuration:
        """Read a file; a link is followed. Raises ConflictError for what cannot be read as text."""
        target = path.resolve()
        return cls(target, format_, _text(target))

    def with_entry(self, key: str, name: str, entry: Mapping[str, Any]) -> str:
        """The text with the server's entry under its name; what the user changed in an earlier one of ours stays.

        Raises: ConflictError for a file that cannot be parsed, or an entry of that name that is not ours.
        """
        known = self._servers(key).get(name)
        if known is not None and not is_ours(known):
            raise ConflictError(
                f"{self.path} has an entry {name!r} already, and it starts something else; "
                "choose another --name, or take that entry out yourself"
            )
        whole = merged(known, entry)
        if whole == known:
            return self.text or ""
        put = jsonc.put if self.format == "json" else yamlfile.put
        return self._changed(lambda text: put(text, (key, name), whole), key, {name: whole})

    def without_entry(self, key: str, name: str) -> str:
        """The text without the server's entry; as it is when there is none. Raises ConflictError as `with_entry`."""
        known = self._servers(key).get(name)
        if known is None:
            return self.text or ""
        if not is_ours(known):
            raise ConflictError(f"the entry {name!r} in {self.path} is not one of ours; take it out yourself")
        drop = jsonc.drop if self.format == "json" else yamlfile.drop
        return self._changed(lambda text: drop(text, (key, name)), key, {name: None})

    def diff(self, after: str) -> str:
        """What would change, as a unified diff; empty for nothing."""
        lines = unified_diff(
            (self.text or "").splitlines(), after.splitlines(), str(self.path), f"{self.path} (new)", lineterm=""
        )
        return "\n".join(lines)

    def replace(self, after: str, now: datetime) -> Path | None:
        """Put `after` in the file's place and return where the file as it was is kept, None for a new one.

        Raises: ConflictError when the file has changed since it was read, or cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if _text(self.path) != self.text:
                raise ConflictError(f"{self.path} has changed just now; run the command again")
            kept = None if self.text is None else self._keep(now)
            self._swap(after.encode())
        except OSError as error:
            raise ConflictError(f"{self.path} cannot be written ({error.strerror}); make it writable") from error
        return kept

    def _servers(self, key: str) -> dict[str, Any]:
        """What the file lists under `key`."""
        found = self._parsed(self.text or "").get(key)
        if found is not None and not isinstance(found, dict):
            raise ConflictError(f"{self.path}: {key} is no object; mend it, or move the file away")
        return found or {}

    def _parsed(self, text: str) -> dict[str, Any]:
        read = jsonc.values if self.format == "json" else yamlfile.values
        try:
            found = read(text.removeprefix(BOM))
        except ConflictError as error:
            raise ConflictError(f"{self.path}, {error}") from error
        if not isinstance(found, dict):
            raise ConflictError(f"{self.path} holds no object; mend it, or move it away")
        return found

    def _changed(self, edit: Callable[[str], str], key: str, entry: Mapping[str, Any]) -> str:
        """The text after an edit, checked to hold what it held but for `entry`; byte order mark and line ends stay."""
        before = self.text or ""
        mark = BOM if before.startswith(BOM) else ""
        is_dos = "\r\n" in before and before.count("\r\n") == before.count("\n")
        plain = before.removeprefix(BOM)
        try:
            after = edit(plain.replace("\r\n", "\n") if is_dos else plain)
        except ConflictError as error:
            raise ConflictError(f"{self.path}: {error}") from error
        servers = {**self._servers(key), **entry}
        kept = {name: value for name, value in servers.items() if value is not None}
        if self._parsed(after) != {**self._parsed(before), key: kept}:
            raise ConflictError(f"{self.path} is written in a way that we would damage; change it by hand")
        return mark + (after.replace("\n", "\r\n") if is_dos else after)

    def _keep(self, now: datetime) -> Path:
        """Copy the file beside itself, under the time and readable for the same people."""
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        for number in range(1000):
            name = f"{self.path.name}.{stamp}{f'-{number}' if number else ''}.bak"
            try:
                mode = self.path.stat().st_mode & 0o777
                descriptor = os.open(self.path.with_name(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            except FileExistsError:
                continue
            with open(descriptor, "wb") as copy:
                copy.write(self.path.read_bytes())
            return self.path.with_name(name)
        raise ConflictError(f"{self.path.parent} holds 1000 copies of this second; take old ones away")

    def _swap(self, content: bytes) -> None:
        """Replace the file in one step; who is interrupted leaves the old one or the new one, nothing between."""
        mode = self.path.stat().st_mode & 0o777 if self.text is not None else PRIVATE
        descriptor, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConflictError(f"{path} is no UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise ConflictError(f"{path} cannot be read ({error.strerror}); make it a readable file") from error
