"""The indexes of all tenants in one folder: a subfolder each, the most recently used ones open."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from runtime.errors import ConflictError, FingerprintError, StoreUnavailableError
from runtime.vectors.shard import UNFINISHED, Shard

FORMAT = 2
"""Layout of an index on disk; raised when an older one cannot be read any more."""

OPEN_SHARDS = 16
"""Shards kept open; each has some threads and about a megabyte beside its data."""

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_META, _SHARD, _DROPPED = "index.json", "shard", "dropped-"


@dataclass(frozen=True)
class Meta:
    """What an index was made with. `terms` names the tokeniser, `fingerprint` the model."""

    tenant: str
    fingerprint: str
    dimension: int
    terms: str
    format: int = FORMAT


def folder_name(tenant: str) -> str:
    """A file name for a tenant: its id where that is plain, else a digest of it, so that no id can leave the folder."""
    if _PLAIN.fullmatch(tenant):
        return f"tenant-{tenant}"
    return f"sha256-{hashlib.sha256(tenant.encode('utf-8', 'surrogatepass')).hexdigest()[:40]}"


def check_same(meta: Meta, wanted: Meta, folder: Path) -> None:
    """Raise FingerprintError, naming both and the remedy, unless an index may be used as `wanted`."""
    model, words = "set AGENTRAG_EMBEDDINGS_URL back", "go back to the former version of AgentRAG"
    for what, has, asked, remedy in (
        ("model", meta.fingerprint, wanted.fingerprint, model),
        ("vectors of length", str(meta.dimension), str(wanted.dimension), model),
        ("tokeniser", meta.terms, wanted.terms, words),
        ("format", str(meta.format), str(wanted.format), words),
    ):
        if has != asked:
            raise FingerprintError(
                f"the index of tenant {meta.tenant!r} was built with {what} {has}, and now {asked} is in use; "
                f"{remedy}, or move {folder} away and process the documents again"
            )


def made_with(folder: Path) -> list[Meta]:
    """What the indexes in a folder were made with; none is opened. Raises StoreUnavailableError for a damaged one."""
    return [_read_meta(place.parent / _META) for place in sorted(folder.glob(f"*/{_SHARD}"))]


def _read_meta(path: Path) -> Meta:
    try:
        return Meta(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise StoreUnavailableError(
            f"cannot read {path}: {error}; restore it from a backup, or move its folder away and process the "
            f"documents again"
        ) from error


class Tenants:
    """Opens, keeps and drops the shards of a folder. `is_busy` says which tenants must stay open."""

    def __init__(self, folder: Path, is_busy: Callable[[str], bool] = lambda _: False) -> None:
        self._folder = folder
        self._is_busy = is_busy
        self._open: OrderedDict[str, Shard] = OrderedDict()
        for leftover in (*folder.glob(f"{_DROPPED}*"), *folder.glob(f"*/{_SHARD}{UNFINISHED}*")):
            shutil.rmtree(leftover, ignore_errors=True)

    def ensure(self, wanted: Meta) -> None:
        """Note what a tenant's index is made with. Nothing indexed yet: the latest word counts."""
        place = self._place(wanted.tenant)
        if (place / _SHARD).exists():
            check_same(self._meta(wanted.tenant), wanted, place)
            return
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place / f"{_META}.new"
        fresh.write_text(json.dumps(asdict(wanted)), encoding="utf-8")
        os.replace(fresh, place / _META)

    def find(self, tenant: str) -> Shard | None:
        """The tenant's shard, or None when nothing was ever indexed."""
        if shard := self._open.get(tenant):
            self._open.move_to_end(tenant)
            return shard
        place = self._place(tenant)
        if not (place / _SHARD).exists():
            return None
        self._make_room()
        shard = self._open[tenant] = Shard.open(place / _SHARD, self._meta(tenant).dimension)
        return shard

    def missing(self, tenant: str) -> tuple[Path, int] | None:
        """Where the tenant's shard is to be made, and the length of its vectors; None when there is one, or no word."""
        place = self._place(tenant)
        if tenant in self._open or (place / _SHARD).exists() or not (place / _META).exists():
            return None
        return place / _SHARD, self._meta(tenant).dimension

    def make(self, tenant: str) -> Shard:
        """The tenant's shard, made when there is none. Raises ConflictError when `ensure` was never called."""
        place = self._place(tenant)
        if not (place / _META).exists():
            raise ConflictError(f"tenant {tenant!r} has no index; call ensure before upsert")
        if not (place / _SHARD).exists():
            Shard.create(place / _SHARD, self._meta(tenant).dimension)
        shard = self.find(tenant)
        if shard is None:
            raise StoreUnavailableError(f"the index in {place} vanished; try again")
        return shard

    def drop(self, tenant: str) -> None:
        """Remove a tenant's index; one that a crash left half removed goes at the next start."""
        if shard := self._open.pop(tenant, None):
            shard.close()
        place = self._place(tenant)
        if place.exists():
            condemned = self._folder / f"{_DROPPED}{place.name}-{os.urandom(4).hex()}"
            place.rename(condemned)
            shutil.rmtree(condemned)

    def untidy(self) -> Iterator[Shard]:
        """Open shards whose logs are not empty, or which hold the room of removed units."""
        yield from [shard for tenant, shard in self._open.items() if shard.is_untidy and not self._is_busy(tenant)]

    def close(self) -> None:
        """Close all shards."""
        while self._open:
            self._open.popitem()[1].close()

    def _place(self, tenant: str) -> Path:
        return self._folder / folder_name(tenant)

    def _meta(self, tenant: str) -> Meta:
        path = self._place(tenant) / _META
        meta = _read_meta(path)
        if meta.tenant != tenant:
            raise StoreUnavailableError(
                f"{path} belongs to tenant {meta.tenant!r}, not to {tenant!r}; restore the folder"
            )
        return meta

    def _make_room(self) -> None:
        """Close shards that were not used for longest, but for those that somebody writes to."""
        for tenant in list(self._open):
            if len(self._open) < OPEN_SHARDS:
                return
            if not self._is_busy(tenant):
                self._open.pop(tenant).close()
