"""The data folder: whose it is, who works in it, how much room is left, and whether what lies there can be used."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hosts.cli.doctor.finding import Finding, failed, ok, warning
from hosts.cli.doctor.model import can_make
from hosts.cli.progress import spoken_size
from runtime.errors import FingerprintError, StoreUnavailableError
from runtime.ownership import holder
from runtime.settings import Settings

if TYPE_CHECKING:
    from runtime.vectors.tenants import Meta

DISK_NEEDED, DISK_WISHED = 200_000_000, 2_000_000_000
"""Bytes: for the model's graph and a few documents, and for a library."""


@dataclass(frozen=True)
class Place:
    """What is to be known of a folder; `mode` and `owner` of one that is there."""

    path: Path
    can_write: bool
    mode: int | None = None
    owner: int | None = None


def folder(place: Place, user: int) -> Finding:
    """Whether the data folder can be used, by this user alone."""
    if place.mode is None or place.owner is None:
        if place.can_write:
            return ok("data folder", f"{place.path}, made on first use")
        return failed("data folder", f"{place.path} cannot be made", "choose another one with --data or AGENTRAG_DATA")
    if not stat.S_ISDIR(place.mode):
        return failed("data folder", f"{place.path} is no folder", "choose another one with --data or AGENTRAG_DATA")
    if not place.can_write:
        return failed("data folder", f"{place.path} is not writable", f"sudo chown -R {user} {place.path}")
    if place.owner != user:
        text = f"{place.path} belongs to user {place.owner}, and user {user} asks"
        return warning("data folder", text, f"run as user {place.owner}, or: sudo chown -R {user} {place.path}")
    if place.mode & 0o022:
        return warning("data folder", f"{place.path} can be written by others", f"chmod go-w {place.path}")
    return ok("data folder", str(place.path))


def disk(free_bytes: int) -> Finding:
    """Whether there is room left."""
    text = f"{spoken_size(free_bytes)} free"
    if free_bytes < DISK_NEEDED:
        return failed("disk", text, "make room, or move the data folder with AGENTRAG_DATA")
    if free_bytes < DISK_WISHED:
        return warning("disk", text, "make room before large documents come")
    return ok("disk", text)


def lock(held: dict[str, Any] | None) -> Finding:
    """Who works in the folder, by what the holder of its lock noted."""
    if held is None:
        return ok("in use", "by nobody; commands start the agents for as long as they take")
    return ok("in use", f"by process {held.get('pid', 'unknown')} at {held.get('address', 'an unknown address')}")


def records(found: str | None, known: str) -> Finding:
    """Whether the tables are those of this program; `found` is None without a database, empty for a new one."""
    if found is None:
        return ok("records", "none yet")
    if found > known:
        remedy = "uv sync, or: pip install --upgrade agentrag"
        return failed("records", f"revision {found} was written by a newer program, this one knows {known}", remedy)
    if found < known:
        text = f"revision {found or 'none'}, brought to {known} at the next start"
        return warning("records", text, "copy records.db, then: agentrag docs ls")
    return ok("records", f"revision {found}, the newest")


def index(tenant: str, made_with: str, asked: str, fault: str) -> Finding:
    """Whether an index fits the settings and this program, by `fault`, which is empty when it does.

    Vectors of two models never mix; `made_with` and `asked` are the fingerprints of both.
    """
    if not fault:
        return ok("index", f"of {tenant}, built with {asked}")
    if made_with != asked:
        remedy = f"export AGENTRAG_EMBEDDINGS_URL=embedded:minilm-{made_with.rpartition('/')[2]}"
        return failed("index", fault, remedy)
    return failed("index", fault, "move that folder away, then: agentrag docs reprocess of each document")


def place_of(path: Path) -> Place:
    """What is to be known of a folder."""
    try:
        found = path.stat()
    except OSError:
        return Place(path, can_make(path))
    return Place(path, os.access(path, os.W_OK | os.X_OK), found.st_mode, found.st_uid)


def examined(settings: Settings) -> Iterator[Finding]:
    """Look at the data folder; nothing in it is changed."""
    path = settings.data
    yield folder(place_of(path), os.getuid())
    yield disk(shutil.disk_usage(next(one for one in (path, *path.parents) if one.exists())).free)
    yield lock(_holder(path / "federation.lock"))
    yield from _records(settings)
    yield from _indexes(settings)


def _holder(path: Path) -> dict[str, Any] | None:
    try:
        return holder(path)
    except OSError:  # the folder has its own line
        return None


def _records(settings: Settings) -> Iterator[Finding]:
    from runtime.records import schema, sqlite

    path = settings.place(settings.records_url)
    if not settings.records_url.startswith("sqlite:"):
        return
    try:
        yield records(sqlite.revision(path) if path.exists() else None, schema.HEAD)
    except StoreUnavailableError as error:
        yield failed("records", str(error), f"mv {path} {path}.damaged")


def _indexes(settings: Settings) -> Iterator[Finding]:
    from runtime.models import minilm
    from runtime.vectors import tenants
    from runtime.vectors.terms import TERMS_FINGERPRINT

    precision = minilm.precision_of(settings.embeddings_url)
    if precision is None or not settings.vectors_url.startswith("embedded:"):
        return
    place, fingerprint = settings.place(settings.vectors_url), minilm.fingerprint(precision)
    try:
        for meta in tenants.made_with(place):
            wanted = tenants.Meta(meta.tenant, fingerprint, minilm.DIMENSION, TERMS_FINGERPRINT)
            yield index(meta.tenant, meta.fingerprint, fingerprint, _difference(meta, wanted, place))
    except StoreUnavailableError as error:
        yield failed("index", str(error), f"mv {place} {place}.damaged, then process the documents again")


def _difference(meta: Meta, wanted: Meta, place: Path) -> str:
    """What keeps an index from being used as `wanted`, empty for nothing."""
    from runtime.vectors.tenants import check_same, folder_name

    try:
        check_same(meta, wanted, place / folder_name(meta.tenant))
    except FingerprintError as error:
        return str(error)
    return ""
